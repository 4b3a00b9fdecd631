#include "runtime/template/values/object.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/template/values/characters.h"
#include "runtime/template/values/print.h"

namespace stemma::jinja {

namespace {

constexpr int64_t longest_range = 100'000;

Cursor cursor_over(Value holder, size_t count, std::function<Value(size_t)> item) {
  return [holder = std::move(holder), count, item = std::move(item), i = size_t{0}](Value& next) mutable {
    if (i >= count) return false;
    work(1);
    next = item(i++);
    return true;
  };
}

Cursor cursor_over_text(const Value& text) {
  return [text, at = size_t{0}](Value& next) mutable {
    const std::string& bytes = text.text().bytes;
    if (at >= bytes.size()) return false;
    const size_t length = bytes_of_character(bytes, at);
    next = make_text(bytes.substr(at, length));
    at += length;
    return true;
  };
}

}  // namespace

int Arguments::depth() const {
  int depth = 0;
  for (const Value& value : positional) depth = std::max(depth, value.depth());
  for (const auto& [name, value] : named) depth = std::max(depth, value.depth());
  return depth;
}

Value Object::call(Machine&, Arguments&) { throw Fault(fmt::format("'{}' object is not callable", type())); }

std::string Object::printed() const { return fmt::format("<{}>", type()); }

Range::Range(int64_t begin, int64_t end, int64_t step) : Object(1), begin_(begin), end_(end), step_(step) {
  if (step == 0) throw Fault("range() arg 3 must not be zero");
  const __int128 span = step > 0 ? static_cast<__int128>(end) - begin : static_cast<__int128>(begin) - end;
  const __int128 stride = step > 0 ? static_cast<__int128>(step) : -static_cast<__int128>(step);
  const __int128 count = span <= 0 ? 0 : (span + stride - 1) / stride;
  if (count > longest_range) throw Fault(fmt::format("a range may have at most {} items", longest_range));
  count_ = static_cast<int64_t>(count);
}

std::optional<Cursor> Range::cursor() {
  return [this, i = int64_t{0}](Value& next) mutable {
    if (i >= count_) return false;
    work(1);
    next = Value(item(i++));
    return true;
  };
}

std::shared_ptr<Range> Range::slice(int64_t first, int64_t step, int64_t count) const {
  if (count == 0) return std::make_shared<Range>(0, 0, 1);
  int64_t stride = 1;
  if (count > 1 && __builtin_mul_overflow(step, step_, &stride)) throw Fault("the step of a range is out of range");
  const int64_t begin = item(first);
  const __int128 end = begin + static_cast<__int128>(stride) * count;
  return std::make_shared<Range>(begin, static_cast<int64_t>(std::clamp<__int128>(end, INT64_MIN, INT64_MAX)), stride);
}

std::string Range::printed() const {
  return step_ == 1 ? fmt::format("range({}, {})", begin_, end_)
                    : fmt::format("range({}, {}, {})", begin_, end_, step_);
}

const char* DictView::type() const {
  return what_ == What::keys ? "dict_keys" : what_ == What::values ? "dict_values" : "dict_items";
}

Value DictView::item(size_t index) const {
  const auto& [key, value] = dict_->entries()[index];
  return what_ == What::keys ? key : what_ == What::values ? value : make_tuple({key, value});
}

std::optional<Cursor> DictView::cursor() {
  return cursor_over(Value(dict_), dict_->entries().size(), [dict = dict_, what = what_](size_t i) {
    const auto& [key, value] = dict->entries()[i];
    return what == What::keys ? key : what == What::values ? value : make_tuple({key, value});
  });
}

std::string DictView::printed() const {
  std::vector<Value> items;
  for (size_t i = 0; i < dict_->entries().size(); ++i) items.push_back(item(i));
  return std::string(type()) + "(" + representation(make_list(std::move(items))) + ")";
}

bool Generator::next(Value& value) {
  if (running_) throw Fault("generator already executing");
  running_ = true;
  const bool more = next_ && next_(value);
  running_ = false;
  return more;
}

std::optional<Cursor> Generator::cursor() {
  return [this](Value& value) { return next(value); };
}

Namespace::Namespace(Value attributes) : Object(1) {
  for (const auto& [key, value] : attributes.dict().entries()) {
    if (!key.is_text()) throw Fault("the names of a namespace must be strings");
    set(key.text().bytes, value);
  }
}

std::optional<Value> Namespace::attribute(std::string_view name) {
  work(1 + static_cast<int64_t>(attributes_.size()) / 8);
  for (const auto& [key, value] : attributes_)
    if (key == name) return value;
  return std::nullopt;
}

void Namespace::set(const std::string& name, Value value) {
  if (name.starts_with('_')) throw Fault(fmt::format("a namespace cannot hold '{}': its name begins with '_'", name));
  work(1 + static_cast<int64_t>(attributes_.size()) / 8);
  for (auto& [key, old] : attributes_)
    if (key == name) {
      std::swap(old, value);  // the old one goes when this returns
      return;
    }
  attributes_charge_.add(static_cast<int64_t>(sizeof(Value) + sizeof(std::string) + name.size()));
  attributes_.emplace_back(name, std::move(value));
}

std::string Namespace::printed() const {
  auto dict = std::make_shared<Dict>();
  for (const auto& [name, value] : attributes_) dict->set(make_text(name), value);
  return "<Namespace " + representation(Value(std::shared_ptr<const Dict>(dict))) + ">";
}

void Namespace::empty(std::vector<Value>& into) {
  for (auto& [name, value] : attributes_) into.push_back(std::move(value));
  attributes_.clear();
}

Value make_generator(Cursor next, int held) {
  return Value(std::shared_ptr<Object>(std::make_shared<Generator>(std::move(next), held)));
}

Value make_lazy_generator(std::function<Cursor()> begin, int held) {
  return make_generator(
      [begin = std::move(begin), cursor = Cursor()](Value& next) mutable {
        if (!cursor) cursor = begin();
        return cursor(next);
      },
      held);
}

Value make_function(std::string name, Function::Body body, int held) {
  return Value(std::shared_ptr<Object>(std::make_shared<Function>(std::move(name), std::move(body), held)));
}

bool can_be_gone_through(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::undefined:
    case Value::Kind::text:
    case Value::Kind::sequence:
    case Value::Kind::dict:
      return true;
    case Value::Kind::object:
      return value.object()->cursor().has_value();
    default:
      return false;
  }
}

Cursor items_of(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::undefined:
      return [](Value&) { return false; };
    case Value::Kind::text:
      return cursor_over_text(value);
    case Value::Kind::sequence:
      return cursor_over(value, value.sequence().items.size(),
                         [&items = value.sequence().items](size_t i) { return items[i]; });
    case Value::Kind::dict:
      return cursor_over(value, value.dict().entries().size(),
                         [&entries = value.dict().entries()](size_t i) { return entries[i].first; });
    case Value::Kind::object:
      if (auto cursor = value.object()->cursor())
        return [holder = value, cursor = std::move(*cursor)](Value& next) mutable { return cursor(next); };
      break;
    default:
      break;
  }
  throw Fault(fmt::format("'{}' object is not iterable", value.type_name()));
}

std::vector<Value> list_of(const Value& value) {
  if (value.is(Value::Kind::sequence)) return value.sequence().items;
  std::vector<Value> items;
  Cursor cursor = items_of(value);
  for (Value next; cursor(next);) {
    work(1);
    if (items.size() % 4096 == 0) expect_room(static_cast<int64_t>(2 * items.size() * sizeof(Value)));
    items.push_back(next);
  }
  return items;
}

std::optional<int64_t> length_of(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::undefined:
      return 0;
    case Value::Kind::text:
      return static_cast<int64_t>(value.text().length);
    case Value::Kind::sequence:
      return static_cast<int64_t>(value.sequence().items.size());
    case Value::Kind::dict:
      return static_cast<int64_t>(value.dict().entries().size());
    case Value::Kind::object:
      return value.object()->length();
    default:
      return std::nullopt;
  }
}

Value call_value(Machine& machine, const Value& callee, Arguments& arguments) {
  if (callee.is_undefined()) throw Fault(callee.why_undefined());
  if (!callee.is(Value::Kind::object)) throw Fault(fmt::format("'{}' object is not callable", callee.type_name()));
  const std::shared_ptr<Object> held = callee.object();
  return held->call(machine, arguments);
}

}  // namespace stemma::jinja

#include "runtime/template/values/value.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "runtime/template/values/characters.h"
#include "runtime/template/values/integers.h"
#include "runtime/template/values/object.h"
#include "runtime/template/values/operators.h"

namespace stemma::jinja {

namespace {

constexpr int64_t value_bytes = sizeof(Value);

int depth_over(const std::vector<Value>& values) {
  int depth = 0;
  for (const Value& value : values) depth = std::max(depth, value.depth());
  return deeper(depth);
}

}  // namespace

Text::Text(std::string text, bool is_markup)
    : bytes(std::move(text)),
      length(count_characters(bytes)),
      markup(is_markup),
      charge(64 + static_cast<int64_t>(bytes.size())) {
  work_on_bytes(bytes.size());
  if (length != bytes.size()) work_on_characters(bytes.size() / 4);
}

Sequence::Sequence(std::vector<Value> values, Form is_form)
    : items(std::move(values)),
      form(is_form),
      depth(depth_over(items)),
      charge(64 + value_bytes * static_cast<int64_t>(items.size())) {
  work(1 + static_cast<int64_t>(items.size()));
}

double Value::number() const { return is(Kind::real) ? std::get<double>(data_) : nearest_real(*this); }

const std::string& Value::why_undefined() const {
  static const std::string unknown = "an undefined value is used";
  const auto& why = std::get<Undefined>(data_).why;
  return why ? *why : unknown;
}

int Value::depth() const {
  switch (kind()) {
    case Kind::sequence:
      return sequence().depth;
    case Kind::dict:
      return dict().depth();
    case Kind::object:
      return object()->depth();
    default:
      return 0;
  }
}

const char* Value::type_name() const {
  switch (kind()) {
    case Kind::undefined:
      return "Undefined";
    case Kind::none:
      return "NoneType";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
    case Kind::wide:
      return "int";
    case Kind::real:
      return "float";
    case Kind::text:
      return text().markup ? "Markup" : "str";
    case Kind::sequence:
      return sequence().form == Sequence::Form::list ? "list" : "tuple";
    case Kind::dict:
      return "dict";
    case Kind::object:
      return object()->type();
  }
  return "";
}

bool Value::same(const Value& other) const {
  if (kind() != other.kind()) return false;
  switch (kind()) {
    case Kind::undefined:
      return std::get<Undefined>(data_).why == std::get<Undefined>(other.data_).why;
    case Kind::none:
      return true;
    case Kind::text:
      return text().bytes == other.text().bytes;
    case Kind::sequence:
      return &sequence() == &other.sequence() ||
             (sequence().form != Sequence::Form::list && sequence().items.empty() &&
              other.sequence().form != Sequence::Form::list && other.sequence().items.empty());
    case Kind::wide:
      return &wide() == &other.wide();
    case Kind::dict:
      return &dict() == &other.dict();
    case Kind::object:
      return object() == other.object();
    default:
      return is(Kind::real) ? number() == other.number() : whole() == other.whole();
  }
}

size_t hash_of(const Value& value) {
  work(1);
  switch (value.kind()) {
    case Value::Kind::text:
      work_on_bytes(value.text().bytes.size());
      return std::hash<std::string>()(value.text().bytes);
    case Value::Kind::boolean:
    case Value::Kind::integer:
      return std::hash<int64_t>()(value.whole());
    case Value::Kind::wide:
      return hash_of_wide(value);
    case Value::Kind::real: {
      const double real = value.number();
      const bool whole = std::floor(real) == real && std::abs(real) < 0x1p63;
      return whole ? std::hash<int64_t>()(static_cast<int64_t>(real)) : std::hash<double>()(real);
    }
    case Value::Kind::sequence: {
      if (value.sequence().form == Sequence::Form::list) throw Fault("unhashable type: 'list'");
      size_t hash = value.sequence().items.size();
      for (const Value& item : value.sequence().items) hash = hash * 1000003 + hash_of(item);
      return hash;
    }
    case Value::Kind::dict:
      throw Fault("unhashable type: 'dict'");
    case Value::Kind::object:
      return std::hash<const void*>()(value.object().get());
    default:
      return static_cast<size_t>(value.kind());
  }
}

bool can_be_hashed(const Value& value) {
  work(1);
  if (value.is(Value::Kind::dict)) return false;
  if (!value.is(Value::Kind::sequence)) return true;
  const Sequence& sequence = value.sequence();
  return sequence.form != Sequence::Form::list &&
         std::all_of(sequence.items.begin(), sequence.items.end(), can_be_hashed);
}

const size_t* Dict::place_of(const Value& key, size_t hash) const {
  const auto [begin, end] = places_.equal_range(hash);
  for (auto place = begin; place != end; ++place) {
    work(1);
    if (equal(entries_[place->second].first, key)) return &place->second;
  }
  return nullptr;
}

void Dict::set(const Value& key, Value value) {
  work(4);
  const size_t hash = hash_of(key);
  depth_ = std::max(depth_, deeper(std::max(key.depth(), value.depth())));
  if (const size_t* place = place_of(key, hash)) {
    entries_[*place].second = std::move(value);
    return;
  }
  charge_.add(2 * value_bytes + 48);
  places_.emplace(hash, entries_.size());
  entries_.emplace_back(key, std::move(value));
}

const Value* Dict::find(const Value& key) const {
  const size_t* place = place_of(key, hash_of(key));
  return place ? &entries_[*place].second : nullptr;
}

const Value* Dict::find(std::string_view key) const { return find(make_text(std::string(key))); }

Value make_undefined(std::string why) { return Undefined{std::make_shared<const std::string>(std::move(why))}; }

Value make_text(std::string text, bool markup) { return std::make_shared<const Text>(std::move(text), markup); }

Value make_list(std::vector<Value> items) {
  return std::make_shared<const Sequence>(std::move(items), Sequence::Form::list);
}

Value make_tuple(std::vector<Value> items) {
  return std::make_shared<const Sequence>(std::move(items), Sequence::Form::tuple);
}

}  // namespace stemma::jinja

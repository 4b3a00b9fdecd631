// value[key], value.name and value[begin:end:step].
#include <fmt/format.h>

#include <algorithm>

#include "runtime/template/builtins/methods.h"
#include "runtime/template/values/characters.h"
#include "runtime/template/values/integers.h"
#include "runtime/template/values/object.h"
#include "runtime/template/values/operators.h"
#include "runtime/template/values/print.h"

namespace stemma::jinja {

namespace {

using Kind = Value::Kind;

std::string shown(const Value& key) {
  std::string text = key.is_text() || key.is_number() ? representation(key) : std::string(key.type_name());
  return text.size() > 100 ? text.substr(0, 97) + "..." : text;
}

Value nothing_there(const Value& value, std::string_view name) {
  return make_undefined(fmt::format("'{} object' has no attribute '{}'", value.type_name(), name));
}

Value character(const Text& text, int64_t index) {
  const size_t at = text.length == text.bytes.size() ? static_cast<size_t>(index)
                                                     : byte_of_character(text.bytes, static_cast<size_t>(index));
  work_on_bytes(text.length == text.bytes.size() ? 0 : at);
  return make_text(text.bytes.substr(at, bytes_of_character(text.bytes, at)), text.markup);
}

// Nothing where value[index] raises an error.
std::optional<Value> at_index(const Value& value, int64_t index) {
  const auto* range = value.as<Range>();
  if (!value.is_text() && !value.is(Kind::sequence) && !range) return std::nullopt;
  const int64_t length = *length_of(value);
  if (index < 0) index += length;
  if (index < 0 || index >= length) return std::nullopt;
  if (range) return Value(range->item(index));
  if (value.is_text()) return character(value.text(), index);
  return value.sequence().items[static_cast<size_t>(index)];
}

// Python has them, and its sandbox keeps templates from them.
bool is_forbidden(const Value& value, std::string_view name) {
  static constexpr std::string_view dict_changes[] = {"clear", "pop", "popitem", "setdefault", "update"};
  static constexpr std::string_view list_changes[] = {"append", "clear", "pop",    "reverse",
                                                      "insert", "sort",  "extend", "remove"};
  if (value.is(Kind::dict)) return std::count(std::begin(dict_changes), std::end(dict_changes), name) > 0;
  if (value.is(Kind::sequence) && value.sequence().form == Sequence::Form::list)
    return std::count(std::begin(list_changes), std::end(list_changes), name) > 0;
  return false;
}

// Nothing where getattr(value, name) raises an error.
std::optional<Value> own_attribute(const Value& value, std::string_view name) {
  const bool hidden = name.starts_with("__");
  if (hidden || is_forbidden(value, name)) {
    if (hidden && value.is(Kind::dict) && value.dict().find(name)) return std::nullopt;
    return make_undefined(fmt::format("access to attribute '{}' of '{}' object is unsafe.", name, value.type_name()));
  }
  if (auto method = method_of(value, name)) return method;
  if (value.is(Kind::sequence) && value.sequence().form == Sequence::Form::group) {
    if (name == "grouper") return value.sequence().items[0];
    if (name == "list") return value.sequence().items[1];
  }
  if (value.is_number() && (name == "real" || (name == "numerator" && value.is_integer()))) return positive(value);
  if (value.is_number() && name == "imag") return value.is_integer() ? Value(int64_t{0}) : Value(0.0);
  if (value.is_integer() && name == "denominator") return Value(int64_t{1});
  return value.is(Kind::object) ? value.object()->attribute(name) : std::nullopt;
}

}  // namespace

Value item_of(const Value& value, const Value& key) {
  if (value.is_undefined()) throw Fault(value.why_undefined());
  if (value.is(Kind::dict)) {
    if (can_be_hashed(key))
      if (const Value* found = value.dict().find(key)) return *found;
  } else if (key.is_whole()) {
    if (auto found = at_index(value, key.whole())) return *found;
  }
  if (key.is_text()) {
    if (auto found = own_attribute(value, key.text().bytes)) return *found;
    return nothing_there(value, key.text().bytes);
  }
  return make_undefined(fmt::format("{} object has no element {}", value.type_name(), shown(key)));
}

Value attribute_of(const Value& value, std::string_view name) {
  if (value.is_undefined()) throw Fault(value.why_undefined());
  if (auto found = own_attribute(value, name)) return *found;
  if (value.is(Kind::dict))
    if (const Value* found = value.dict().find(name)) return *found;
  return nothing_there(value, name);
}

Slice slice_bounds(const Value& begin, const Value& end, const Value& step, int64_t length) {
  const auto part = [](const Value& value, int64_t missing) {
    if (value.is_none()) return missing;
    if (value.is(Kind::wide)) return is_negative(value) ? INT64_MIN / 2 : INT64_MAX / 2;  // past any end
    if (!value.is_whole()) throw Fault("slice indices must be integers or None or have an __index__ method");
    return value.whole();
  };
  const int64_t stride = std::clamp(part(step, 1), -length - 1, length + 1);  // past the length is past the length
  if (stride == 0) throw Fault("slice step cannot be zero");
  const int64_t lowest = stride < 0 ? -1 : 0, highest = stride < 0 ? length - 1 : length;
  const auto bound = [&](const Value& value, int64_t missing) {
    const int64_t place = part(value, missing);
    if (value.is_none()) return missing;
    return std::clamp(place < 0 ? place + length : place, lowest, highest);
  };
  const int64_t first = bound(begin, stride < 0 ? highest : lowest), last = bound(end, stride < 0 ? lowest : highest);
  const int64_t span = stride < 0 ? first - last : last - first;
  const int64_t size = stride < 0 ? -stride : stride;
  return {first, stride, span <= 0 ? 0 : (span - 1) / size + 1};
}

Value slice_of(const Value& value, const Value& begin, const Value& end, const Value& step) {
  if (value.is_undefined()) throw Fault(value.why_undefined());
  const auto* range = value.as<Range>();
  if (!value.is_text() && !value.is(Kind::sequence) && !range)
    throw Fault(value.is(Kind::dict) ? "unhashable type: 'slice'"
                                     : fmt::format("'{}' object is not subscriptable", value.type_name()));
  const Slice slice = slice_bounds(begin, end, step, *length_of(value));
  if (range) return Value(std::shared_ptr<Object>(range->slice(slice.begin, slice.step, slice.count)));
  if (value.is(Kind::sequence)) {
    const Sequence& sequence = value.sequence();
    expect_room(slice.count * static_cast<int64_t>(sizeof(Value)));
    std::vector<Value> items;
    for (int64_t i = 0; i < slice.count; ++i)
      items.push_back(sequence.items[static_cast<size_t>(slice.begin + i * slice.step)]);
    return sequence.form == Sequence::Form::list ? make_list(std::move(items)) : make_tuple(std::move(items));
  }
  const std::string& bytes = value.text().bytes;
  work_on_bytes(bytes.size());
  if (slice.step == 1) {
    const size_t from = byte_of_character(bytes, static_cast<size_t>(slice.begin));
    const std::string_view rest = std::string_view(bytes).substr(from);
    return make_text(std::string(rest.substr(0, byte_of_character(rest, static_cast<size_t>(slice.count)))),
                     value.text().markup);
  }
  work_on_characters(bytes.size());
  expect_room(static_cast<int64_t>(value.text().length * sizeof(size_t)));
  std::vector<size_t> places;
  for (size_t at = 0; at < bytes.size(); at += bytes_of_character(bytes, at)) places.push_back(at);
  std::string made;
  for (int64_t i = 0; i < slice.count; ++i) {
    const size_t at = places[static_cast<size_t>(slice.begin + i * slice.step)];
    made.append(bytes, at, bytes_of_character(bytes, at));
  }
  return make_text(std::move(made), value.text().markup);
}

}  // namespace stemma::jinja

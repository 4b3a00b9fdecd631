#include "runtime/template/builtins/methods.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "runtime/template/machine/parameters.h"
#include "runtime/template/values/integers.h"
#include "runtime/template/values/operators.h"

namespace stemma::jinja {

namespace {

using Kind = Value::Kind;

Value count(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given("count", arguments, {""}, 1);
  const auto& items = self.sequence().items;
  return Value(static_cast<int64_t>(
      std::count_if(items.begin(), items.end(), [&](const Value& item) { return equal(item, given[0]); })));
}

Value index(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given("index", arguments, {"", "", ""}, 1);
  const auto& items = self.sequence().items;
  const auto length = static_cast<int64_t>(items.size());
  const auto bound = [&](size_t i, int64_t missing) {
    const int64_t place = given.whole(i, missing);
    return std::clamp<int64_t>(place < 0 ? place + length : place, 0, length);
  };
  for (int64_t i = bound(1, 0), end = bound(2, length); i < end; ++i)
    if (equal(items[static_cast<size_t>(i)], given[0])) return Value(i);
  throw Fault(fmt::format("the value is not in {}", self.type_name()));
}

Value copy(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters none("copy", arguments, {});
  if (!self.is(Kind::dict)) return make_list(self.sequence().items);
  auto dict = std::make_shared<Dict>();
  for (const auto& [key, value] : self.dict().entries()) dict->set(key, value);
  return Value(std::shared_ptr<const Dict>(dict));
}

Value get(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given("get", arguments, {"", ""}, 1);
  const Value* found = self.dict().find(given[0]);
  return found ? *found : given[1];
}

template <DictView::What what>
Value view(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters none("dict method", arguments, {});
  return Value(std::shared_ptr<Object>(std::make_shared<DictView>(self.shared_dict(), what)));
}

Value fromkeys(const Value&, Machine&, const Arguments& arguments) {
  const Parameters given("fromkeys", arguments, {"", ""}, 1);
  auto dict = std::make_shared<Dict>();
  Cursor cursor = items_of(given[0]);
  for (Value next; cursor(next);) dict->set(next, given[1]);
  return Value(std::shared_ptr<const Dict>(dict));
}

template <int64_t (*count)(const Value&)>
Value bits(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters none("int method", arguments, {});
  return Value(count(self));
}

Value conjugate(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters none("conjugate", arguments, {});
  return positive(self);
}

Value as_integer_ratio(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters none("as_integer_ratio", arguments, {});
  return self.is(Kind::real) ? ratio_of(self.number()) : make_tuple({positive(self), Value(int64_t{1})});
}

Value is_whole_number(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters none("is_integer", arguments, {});
  return Value(std::isfinite(self.number()) && std::floor(self.number()) == self.number());
}

const MethodTable* tables_of(const Value& value, const MethodTable*& second) {
  switch (value.kind()) {
    case Kind::text:
      second = &text_search_methods();
      return &text_methods();
    case Kind::sequence:
      return &sequence_methods();
    case Kind::dict:
      return &dict_methods();
    case Kind::boolean:
    case Kind::integer:
    case Kind::wide:
      second = &number_methods();
      return &integer_methods();
    case Kind::real:
      second = &number_methods();
      return &real_methods();
    default:
      return nullptr;
  }
}

}  // namespace

const MethodTable& sequence_methods() {
  static const MethodTable table = {{"count", count}, {"index", index}, {"copy", copy}};
  return table;
}

const MethodTable& dict_methods() {
  static const MethodTable table = {
      {"get", get},
      {"keys", view<DictView::What::keys>},
      {"values", view<DictView::What::values>},
      {"items", view<DictView::What::items>},
      {"copy", copy},
      {"fromkeys", fromkeys},
  };
  return table;
}

const MethodTable& number_methods() {
  static const MethodTable table = {{"conjugate", conjugate}, {"as_integer_ratio", as_integer_ratio}};
  return table;
}

const MethodTable& integer_methods() {
  static const MethodTable table = {{"bit_length", bits<bit_length>}, {"bit_count", bits<bit_count>}};
  return table;
}

const MethodTable& real_methods() {
  static const MethodTable table = {{"is_integer", is_whole_number}};
  return table;
}

std::optional<Value> method_of(const Value& value, std::string_view name) {
  const MethodTable* second = nullptr;
  const MethodTable* first = tables_of(value, second);
  for (const MethodTable* table : {first, second}) {
    if (!table) continue;
    const auto found = table->find(name);
    if (found == table->end()) continue;
    const bool listed = value.is(Kind::sequence) && value.sequence().form == Sequence::Form::list;
    if (name == "copy" && value.is(Kind::sequence) && !listed) return std::nullopt;
    return make_function(
        std::string(name),
        [value, method = found->second](Machine& machine, Arguments& arguments) {
          return method(value, machine, arguments);
        },
        value.depth());
  }
  return std::nullopt;
}

}  // namespace stemma::jinja

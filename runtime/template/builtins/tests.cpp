// The tests that `is` asks for.
#include <fmt/format.h>

#include "runtime/template/builtins/registry.h"
#include "runtime/template/machine/parameters.h"
#include "runtime/template/values/letters.h"
#include "runtime/template/values/operators.h"
#include "runtime/template/values/print.h"

namespace stemma::jinja {

namespace {

using Kind = Value::Kind;

template <bool (*holds)(const Value&)>
bool plain(Machine&, const Value& value, const Arguments& arguments) {
  const Parameters none("test", arguments, {});
  return holds(value);
}

template <Comparison comparison>
bool compares(Machine&, const Value& value, const Arguments& arguments) {
  const Parameters given("test", arguments, {""}, 1);
  return compare(comparison, value, given[0]);
}

bool rest_is(const Value& value, int64_t divisor, int64_t rest) {
  return equal(apply(Binary::remainder, value, Value(divisor)), Value(rest));
}

bool is_odd(const Value& value) { return rest_is(value, 2, 1); }
bool is_even(const Value& value) { return rest_is(value, 2, 0); }
bool is_defined(const Value& value) { return !value.is_undefined(); }
bool is_undefined(const Value& value) { return value.is_undefined(); }
bool is_none(const Value& value) { return value.is_none(); }
bool is_boolean(const Value& value) { return value.is(Kind::boolean); }
bool is_false(const Value& value) { return value.is(Kind::boolean) && !value.boolean(); }
bool is_true(const Value& value) { return value.is(Kind::boolean) && value.boolean(); }
bool is_integer(const Value& value) { return value.is(Kind::integer) || value.is(Kind::wide); }
bool is_float(const Value& value) { return value.is(Kind::real); }
bool is_lower_case(const Value& value) { return is_lower(printed(value)); }
bool is_upper_case(const Value& value) { return is_upper(printed(value)); }
bool is_string(const Value& value) { return value.is_text(); }
bool is_mapping(const Value& value) { return value.is(Kind::dict); }
bool is_number(const Value& value) { return value.is_number(); }
bool is_iterable(const Value& value) { return can_be_gone_through(value); }
bool is_escaped(const Value& value) { return value.is_text() && value.text().markup; }
// A list is no name, and an error: the tables of names are dicts.
const std::string& name_in(const Value& value) {
  static const std::string none;
  hash_of(value);
  return value.is_text() ? value.text().bytes : none;
}
bool is_filter(const Value& value) { return filter_named(name_in(value)); }
bool is_test(const Value& value) { return test_named(name_in(value)); }

bool is_sequence(const Value& value) {
  return value.is_undefined() || value.is_text() || value.is(Kind::sequence) || value.is(Kind::dict) ||
         value.as<Range>();
}

bool is_callable(const Value& value) {
  return value.is_undefined() || (value.is(Kind::object) && value.object()->callable());
}

bool is_divisible(Machine&, const Value& value, const Arguments& arguments) {
  const Parameters given("divisibleby", arguments, {"num"}, 1);
  return equal(apply(Binary::remainder, value, given[0]), Value(int64_t{0}));
}

bool is_same(Machine&, const Value& value, const Arguments& arguments) {
  const Parameters given("sameas", arguments, {"other"}, 1);
  return value.same(given[0]);
}

}  // namespace

Test test_named(std::string_view name) {
  static const TestTable table = {
      {"odd", plain<is_odd>},
      {"even", plain<is_even>},
      {"divisibleby", is_divisible},
      {"defined", plain<is_defined>},
      {"undefined", plain<is_undefined>},
      {"filter", plain<is_filter>},
      {"test", plain<is_test>},
      {"none", plain<is_none>},
      {"boolean", plain<is_boolean>},
      {"false", plain<is_false>},
      {"true", plain<is_true>},
      {"integer", plain<is_integer>},
      {"float", plain<is_float>},
      {"lower", plain<is_lower_case>},
      {"upper", plain<is_upper_case>},
      {"string", plain<is_string>},
      {"mapping", plain<is_mapping>},
      {"number", plain<is_number>},
      {"sequence", plain<is_sequence>},
      {"iterable", plain<is_iterable>},
      {"callable", plain<is_callable>},
      {"sameas", is_same},
      {"escaped", plain<is_escaped>},
      {"in", compares<Comparison::in>},
      {"==", compares<Comparison::equal>},
      {"eq", compares<Comparison::equal>},
      {"equalto", compares<Comparison::equal>},
      {"!=", compares<Comparison::not_equal>},
      {"ne", compares<Comparison::not_equal>},
      {">", compares<Comparison::greater>},
      {"gt", compares<Comparison::greater>},
      {"greaterthan", compares<Comparison::greater>},
      {"ge", compares<Comparison::greater_or_equal>},
      {">=", compares<Comparison::greater_or_equal>},
      {"<", compares<Comparison::less>},
      {"lt", compares<Comparison::less>},
      {"lessthan", compares<Comparison::less>},
      {"<=", compares<Comparison::less_or_equal>},
      {"le", compares<Comparison::less_or_equal>},
  };
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace stemma::jinja

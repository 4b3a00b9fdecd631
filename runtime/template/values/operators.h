// Python's operators on values. All throw Fault where Python raises an error.
#pragma once

#include <optional>
#include <string_view>

#include "runtime/template/values/value.h"

namespace stemma::jinja {

enum class Binary { add, subtract, multiply, divide, divide_down, remainder, power };
enum class Comparison { equal, not_equal, less, less_or_equal, greater, greater_or_equal, in, not_in };

bool truth(const Value& value);
bool equal(const Value& left, const Value& right);
bool less(const Value& left, const Value& right);
bool compare(Comparison comparison, const Value& left, const Value& right);
bool contains(const Value& holder, const Value& item);
Value apply(Binary operation, const Value& left, const Value& right);
Value negated(const Value& value);
Value positive(const Value& value);

// value[key] and value.name as Jinja2's sandbox has them: undefined where there is no such thing.
Value item_of(const Value& value, const Value& key);
Value attribute_of(const Value& value, std::string_view name);
// value[begin:end:step]; undefined or None where a part is left out.
Value slice_of(const Value& value, const Value& begin, const Value& end, const Value& step);

Value repeated(const Value& value, int64_t count);
// Python's slice bounds for `length` items.
struct Slice {
  int64_t begin, step, count;
};
Slice slice_bounds(const Value& begin, const Value& end, const Value& step, int64_t length);

}  // namespace stemma::jinja

// Python's integers, which have no end: those of 64 bits are Kind::integer, the others, up to 65,536 bits, Kind::wide.
// What is asked here with a `Value` that is no integer (or truth value) is a mistake, unless it says so.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/template/values/operators.h"
#include "runtime/template/values/value.h"

namespace stemma::jinja {

// `digits` are of the base, with a sign or none. Throws Stop for more bits than are supported, as all below do.
Value integer_from(std::string_view digits, int base);
Value integer_from(uint64_t number);
std::optional<Value> truncated(double real);  // nothing for infinities and NaN

// Any operation. A quotient, and a power with a negative exponent, is a real. Throws Fault where Python raises an
// error.
Value apply_to_integers(Binary operation, const Value& left, const Value& right);
Value negated_integer(const Value& integer);
// Half to even, to a place before the point: `digits` is negative.
Value rounded_integer(const Value& integer, int64_t digits);

bool is_negative(const Value& integer);
// -1, 0 or 1, without rounding; one of the two may be a real, but not NaN.
int order_of_numbers(const Value& left, const Value& right);
size_t hash_of_wide(const Value& wide);

double nearest_real(const Value& integer);  // throws Fault past what a real can be
// The digits of the magnitude, in small letters. Throws Fault for more than 4,300 decimal digits, as Python does.
std::string digits_of_integer(const Value& integer, int base);
int64_t bit_length(const Value& integer);
int64_t bit_count(const Value& integer);  // of the magnitude
// (numerator, denominator) in lowest terms. Throws Fault for infinities and NaN.
Value ratio_of(double real);

}  // namespace stemma::jinja

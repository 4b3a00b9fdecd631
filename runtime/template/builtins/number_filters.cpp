// Filters on numbers.
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "runtime/template/builtins/registry.h"
#include "runtime/template/machine/parameters.h"
#include "runtime/template/values/characters.h"
#include "runtime/template/values/integers.h"
#include "runtime/template/values/letters.h"
#include "runtime/template/values/operators.h"
#include "runtime/template/values/print.h"

namespace stemma::jinja {

namespace {

using Kind = Value::Kind;

// "1_000" as Python reads it: underscores stand between digits alone.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      digits += text[i];
      continue;
    }
    const auto digit = [&](size_t at) {
      return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at]));
    };
    if (i == 0 || !digit(i - 1) || !digit(i + 1)) return std::nullopt;
  }
  return digits;
}

// int(text, base); nothing where Python raises ValueError.
std::optional<Value> whole_of(std::string_view text, int64_t base) {
  text = stripped(text, nullptr, true, true);
  const bool minus = text.starts_with('-');
  if (minus || text.starts_with('+')) text.remove_prefix(1);
  const char letter = text.size() > 2 && text[0] == '0' ? static_cast<char>(text[1] | 0x20) : '\0';
  const int64_t written = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
  if (written && (base == written || base == 0)) {
    base = written;
    text.remove_prefix(text[2] == '_' ? 3 : 2);
  } else if (base == 0) {
    if (text.size() > 1 && text[0] == '0' && text.find_first_not_of("0_") != std::string_view::npos)
      return std::nullopt;
    base = 10;
  }
  if (base < 2 || base > 36) return std::nullopt;
  const auto digits = without_underscores(text);
  if (!digits || digits->empty() || (*digits)[0] == '-') return std::nullopt;
  const bool all_fit = std::all_of(digits->begin(), digits->end(), [&](unsigned char c) {
    return std::isalnum(c) && (std::isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10) < base;
  });
  const bool even_base = (base & (base - 1)) == 0;
  if (!all_fit || (digits->size() > 4300 && !even_base)) return std::nullopt;
  return integer_from((minus ? "-" : "") + *digits, static_cast<int>(base));
}

// float(text); nothing where Python raises ValueError.
std::optional<double> real_of(std::string_view text) {
  const auto digits = without_underscores(stripped(text, nullptr, true, true));
  if (!digits) return std::nullopt;
  std::string_view rest = *digits;
  const bool minus = rest.starts_with('-');
  if (minus || rest.starts_with('+')) rest.remove_prefix(1);
  const std::string lower = lower_case(rest);
  double value = 0;
  if (lower == "inf" || lower == "infinity") {
    value = HUGE_VAL;
  } else if (lower == "nan") {
    value = std::nan("");
  } else {
    if (rest.empty() || !(std::isdigit(static_cast<unsigned char>(rest[0])) || rest[0] == '.')) return std::nullopt;
    const auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (end != rest.data() + rest.size()) return std::nullopt;
    if (failure == std::errc::result_out_of_range) value = lower.find("e-") != std::string::npos ? 0 : HUGE_VAL;
  }
  return minus ? -value : value;
}

std::optional<double> to_real(const Value& value) {
  if (value.is_number()) return value.number();
  if (value.is_undefined()) throw Fault(value.why_undefined());
  return value.is_text() ? real_of(value.text().bytes) : std::nullopt;
}

Value to_int(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("int", arguments, {"default", "base"});
  const Value otherwise = given.given(0) ? given[0] : Value(int64_t{0});
  if (input.is_integer()) return positive(input);
  const Value base = given.given(1) ? given[1] : Value(int64_t{10});
  if (input.is_text() && base.is_whole())
    if (const auto whole = whole_of(input.text().bytes, base.whole())) return *whole;
  if (const auto real = to_real(input)) {
    if (const auto whole = truncated(*real)) return *whole;
    if (input.is(Kind::real) && std::isinf(*real)) throw Fault("cannot convert float infinity to integer");
  }
  return otherwise;
}

Value to_float(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("float", arguments, {"default"});
  const auto real = to_real(input);
  return real ? Value(*real) : given.given(0) ? given[0] : Value(0.0);
}

Value absolute(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters none("abs", arguments, {});
  if (input.is(Kind::real)) return Value(std::abs(input.number()));
  if (!input.is_integer()) throw Fault(fmt::format("bad operand type for abs(): '{}'", input.type_name()));
  return is_negative(input) ? negated(input) : positive(input);
}

double rounded(double value, int64_t digits) {
  if (!std::isfinite(value) || digits > 323) return value;
  if (digits < -308) return std::copysign(0.0, value);
  if (digits >= 0) {  // rounds the exact decimal expansion, half to even
    const std::string text = fmt::format("{:.{}f}", value, static_cast<int>(digits));
    double result = value;
    std::from_chars(text.data(), text.data() + text.size(), result);
    return result;
  }
  const double scale = std::pow(10.0, static_cast<double>(-digits));
  return std::nearbyint(value / scale) * scale;
}

Value round(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("round", arguments, {"precision", "method"});
  const std::string method = given.text(1, "common");
  if (method != "common" && method != "ceil" && method != "floor") throw Fault("method must be common, ceil or floor");
  const int64_t precision = given.whole(0, 0);
  if (!input.is_number()) {
    if (input.is_undefined()) throw Fault(input.why_undefined());
    throw Fault(fmt::format("type {} doesn't define __round__ method", input.type_name()));
  }
  if (method == "common")
    return input.is(Kind::real) ? Value(rounded(input.number(), precision))
           : precision < 0      ? rounded_integer(input, precision)
                                : positive(input);
  const Value scale = apply(Binary::power, Value(int64_t{10}), Value(precision));
  const Value scaled = apply(Binary::multiply, input, scale);
  if (scaled.is_integer()) return apply(Binary::divide, scaled, scale);
  const auto whole = truncated(method == "ceil" ? std::ceil(scaled.number()) : std::floor(scaled.number()));
  if (!whole) throw Fault("cannot convert float NaN or infinity to integer");
  return apply(Binary::divide, *whole, scale);
}

Value filesizeformat(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("filesizeformat", arguments, {"binary"});
  const auto bytes = to_real(input);
  if (!bytes) throw Fault("could not convert string to float");
  const bool binary = given.truth(0, false);
  const double base = binary ? 1024 : 1000;
  if (*bytes == 1) return make_text("1 Byte");
  if (*bytes < base) return make_text(printed(truncated(*bytes).value_or(Value(int64_t{0}))) + " Bytes");
  double unit = base;
  for (const char prefix : std::string_view("kMGTPEZY")) {
    unit *= base;
    if (*bytes >= unit && prefix != 'Y') continue;
    const char letter = binary && prefix == 'k' ? 'K' : prefix;
    return make_text(fmt::format("{:.1f} {}{}B", base * *bytes / unit, letter, binary ? "i" : ""));
  }
  return {};
}

}  // namespace

const FilterTable& number_filters() {
  static const FilterTable table = {
      {"int", to_int}, {"float", to_float}, {"abs", absolute}, {"round", round}, {"filesizeformat", filesizeformat},
  };
  return table;
}

}  // namespace stemma::jinja

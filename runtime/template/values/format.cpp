#include "runtime/template/values/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "runtime/template/values/characters.h"
#include "runtime/template/values/integers.h"
#include "runtime/template/values/print.h"

namespace stemma::jinja {

namespace {

using Kind = Value::Kind;

constexpr int64_t most_precise = 1000;  // digits behind the point

std::string in_base(const Value& integer, char type) {
  const int base = type == 'b' ? 2 : type == 'o' ? 8 : type == 'x' || type == 'X' ? 16 : 10;
  std::string digits = digits_of_integer(integer, base);
  if (type == 'X') std::transform(digits.begin(), digits.end(), digits.begin(), ::toupper);
  return digits;
}

std::string real_digits(double real, const Format& format) {
  const bool upper = format.type == 'E' || format.type == 'F' || format.type == 'G';
  if (!std::isfinite(real)) {
    std::string name = std::isnan(real) ? "nan" : "inf";
    if (upper) std::transform(name.begin(), name.end(), name.begin(), ::toupper);
    return name + (format.type == '%' ? "%" : "");
  }
  if (format.precision > most_precise) throw Stop("formats a number with more than 1000 digits");
  const auto precision = static_cast<int>(format.precision < 0 ? 6 : format.precision);
  switch (format.type) {
    case 'e':
      return fmt::format("{:.{}e}", real, precision);
    case 'E':
      return fmt::format("{:.{}E}", real, precision);
    case 'f':
    case 'F':
      return fmt::format("{:.{}f}", real, precision);
    case '%':
      return fmt::format("{:.{}f}%", real * 100, precision);
    case 'g':
      return fmt::format("{:.{}g}", real, std::max(precision, 1));
    case 'G':
      return fmt::format("{:.{}G}", real, std::max(precision, 1));
    default: {
      if (format.precision < 0) return printed_real(real);
      std::string text = fmt::format("{:.{}g}", real, std::max(precision, 1));
      return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
    }
  }
}

void group(std::string& digits, const Format& format, size_t least) {
  if (!format.grouping) return;
  const size_t every = format.type == 'b' || format.type == 'o' || format.type == 'x' || format.type == 'X' ? 4 : 3;
  size_t end = 0;
  while (end < digits.size() && std::isxdigit(static_cast<unsigned char>(digits[end])) && digits[end] != 'e') ++end;
  std::string whole = digits.substr(0, end);
  const auto grouped_size = [&](size_t count) { return count + (count - 1) / every; };
  while (grouped_size(whole.size()) + digits.size() - end < least) whole.insert(0, 1, '0');
  for (size_t at = whole.size(); at > every;) whole.insert(at -= every, 1, format.grouping);
  digits = whole + digits.substr(end);
}

}  // namespace

std::string digits_of(const Value& value, const Format& format, bool& negative) {
  const bool as_real = std::string_view("eEfFgG%").find(format.type) != std::string_view::npos && format.type;
  if (value.is(Kind::real) || as_real) {
    negative = std::signbit(value.number()) && !std::isnan(value.number());
    return real_digits(std::abs(value.number()), format);
  }
  negative = is_negative(value);
  return in_base(value, format.type);
}

std::string padded(std::string_view text, std::string_view sign, const Format& format, char usual_align) {
  const auto size = static_cast<int64_t>(count_characters(text) + sign.size());
  const int64_t missing = std::max<int64_t>(format.width - size, 0);
  expect_room(missing * static_cast<int64_t>(format.fill.size()));
  const char align = format.align ? format.align : usual_align;
  const int64_t left = align == '<' || align == '=' ? 0 : align == '>' ? missing : missing / 2;
  Builder made;
  const auto fill = [&](int64_t count) {
    for (int64_t i = 0; i < count; ++i) made.add(format.fill);
  };
  fill(left);
  made.add(sign);
  if (align == '=') fill(missing);
  made.add(text);
  if (align != '=') fill(missing - left);
  return made.take();
}

Format parse_format(std::string_view text) {
  Format format;
  const auto is_align = [&](size_t at) {
    return at < text.size() && std::string_view("<>=^").find(text[at]) != std::string_view::npos;
  };
  size_t at = 0;
  const size_t first = text.empty() ? 0 : bytes_of_character(text, 0);
  if (!text.empty() && is_align(first)) {
    format.fill = text.substr(0, first);
    format.align = text[first];
    at = first + 1;
  } else if (is_align(0)) {
    format.align = text[0];
    at = 1;
  }
  const auto take = [&](std::string_view any) {
    return at < text.size() && any.find(text[at]) != std::string_view::npos ? text[at++] : '\0';
  };
  const auto number = [&] {
    int64_t value = 0;
    while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])))
      if ((value = value * 10 + (text[at++] - '0')) > INT32_MAX)
        throw Fault("Too many decimal digits in format string");
    return value;
  };
  if (const char sign = take("+- ")) format.sign = sign;
  format.alternate = take("#") != 0;
  if (take("0")) {
    format.zero = true;
    if (!format.align) format.align = '=';
    if (format.align == '=' && format.fill == " ") format.fill = "0";
  }
  format.width = number();
  format.grouping = take(",_");
  if (take(".")) {
    if (at >= text.size() || !std::isdigit(static_cast<unsigned char>(text[at])))
      throw Fault("Format specifier missing precision");
    format.precision = number();
  }
  if (at < text.size()) format.type = text[at++];
  if (at < text.size()) throw Fault("Invalid format specifier");
  return format;
}

std::string formatted(const Value& value, const Format& format) {
  const auto refuse = [&] {
    throw Fault(fmt::format("Unknown format code '{}' for object of type '{}'", format.type, value.type_name()));
  };
  const bool plain = format.type == 0 && format.width == 0 && format.precision < 0 && !format.grouping &&
                     format.sign == '-' && !format.align;
  if (value.is_number() && !(value.is(Kind::boolean) && plain)) {
    if (format.type == 's') refuse();
    if (format.type == 'c') {
      std::string character;
      if (!value.is_whole() || value.whole() < 0 || value.whole() > 0x10FFFF)
        throw Fault("%c arg not in range(0x110000)");
      append_character(character, static_cast<char32_t>(value.whole()));
      return padded(character, "", format, '<');
    }
    const std::string_view known = value.is(Kind::real) ? "eEfFgGn%" : "bcdoxXneEfFgG%";
    if (format.type && known.find(format.type) == std::string_view::npos) refuse();
    if (format.precision >= 0 && value.is_integer() &&
        (!format.type || std::string_view("bcdoxXn").find(format.type) != std::string_view::npos))
      throw Fault("Precision not allowed in integer format specifier");
    bool negative = false;
    std::string digits = digits_of(value, format, negative);
    std::string sign = negative ? "-" : format.sign == '-' ? "" : std::string(1, format.sign);
    if (format.alternate && std::string_view("boxX").find(format.type) != std::string_view::npos && format.type)
      sign += std::string("0") + format.type;
    const bool zeros = format.align == '=' && format.fill == "0";
    group(digits, format,
          zeros ? static_cast<size_t>(std::clamp<int64_t>(format.width - static_cast<int64_t>(sign.size()), 0, 4096))
                : 0);
    return padded(digits, sign, format, '>');
  }
  if (!value.is_text() && !plain)
    throw Fault(fmt::format("unsupported format string passed to {}.__format__", value.type_name()));
  if (format.type && format.type != 's') refuse();
  if (format.align == '=' && !format.zero) throw Fault("'=' alignment not allowed in string format specifier");
  std::string text = printed(value);
  if (format.precision >= 0) text.resize(byte_of_character(text, static_cast<size_t>(format.precision)));
  Format strings = format;
  if (strings.align == '=') strings.align = '<';
  return padded(text, "", strings, '<');
}

}  // namespace stemma::jinja

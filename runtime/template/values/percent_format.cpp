#include <fmt/format.h>

#include <cctype>

#include "runtime/template/values/characters.h"
#include "runtime/template/values/escape.h"
#include "runtime/template/values/format.h"
#include "runtime/template/values/integers.h"
#include "runtime/template/values/object.h"
#include "runtime/template/values/operators.h"
#include "runtime/template/values/print.h"

namespace stemma::jinja {

namespace {

using Kind = Value::Kind;

// Hands out the values of "..." % values in turn, or by their names.
class Given {
 public:
  explicit Given(const Value& values) : values_(values) {
    tuple_ = values.is(Kind::sequence) && values.sequence().form != Sequence::Form::list;
  }
  const Value& next() {
    if (tuple_ ? used_ >= values_.sequence().items.size() : used_ >= 1)
      throw Fault("not enough arguments for format string");
    return tuple_ ? values_.sequence().items[used_++] : (++used_, values_);
  }
  Value named(std::string_view name) {
    if (!values_.is(Kind::dict)) throw Fault("format requires a mapping");
    used_ = 1;
    const Value* found = values_.dict().find(name);
    if (!found) throw Fault(fmt::format("KeyError: '{}'", name));
    return *found;
  }
  void expect_all_used() const {
    const bool left = tuple_ ? used_ < values_.sequence().items.size()
                             : used_ == 0 && !values_.is(Kind::dict) && !values_.is(Kind::sequence) &&
                                   !values_.is_undefined() && !values_.as<Range>();
    if (left) throw Fault("not all arguments converted during string formatting");
  }

 private:
  const Value& values_;
  bool tuple_ = false;
  size_t used_ = 0;
};

std::string converted(const Value& value, Format format, bool escapes) {
  const char type = format.type;
  if (type == 's' || type == 'r' || type == 'a') {
    std::string text = type == 's' ? printed(value) : type == 'r' ? representation(value) : ascii_representation(value);
    if (escapes && !(value.is_text() && value.text().markup)) text = escaped(text);
    if (format.precision >= 0) text.resize(byte_of_character(text, static_cast<size_t>(format.precision)));
    return padded(text, "", format, '>');
  }
  if (type == 'c') {
    if (value.is_text() && value.text().length == 1) return padded(value.text().bytes, "", format, '>');
    Format character = format;
    return formatted(value, character);
  }
  if (!value.is_number()) {
    if (value.is_undefined()) throw Fault(value.why_undefined());
    throw Fault(fmt::format("%{} format: a real number is required, not {}", type, value.type_name()));
  }
  const bool whole = std::string_view("diuoxX").find(type) != std::string_view::npos;
  if (whole && value.is(Kind::real) && (type == 'o' || type == 'x' || type == 'X'))
    throw Fault(fmt::format("%{} format: an integer is required, not float", type));
  if (type == 'i' || type == 'u') format.type = 'd';
  Value number = value;
  if (whole && value.is(Kind::real)) {
    const auto truncated_value = truncated(value.number());
    if (!truncated_value) throw Fault("cannot convert float infinity or NaN to integer");
    number = *truncated_value;
  }
  bool negative = false;
  std::string digits = digits_of(number, format, negative);
  if (whole && format.precision > static_cast<int64_t>(digits.size())) {
    expect_room(format.precision);
    digits.insert(0, static_cast<size_t>(format.precision) - digits.size(), '0');
  }
  std::string sign = negative ? "-" : format.sign == '-' ? "" : std::string(1, format.sign);
  if (format.alternate && (type == 'o' || type == 'x' || type == 'X')) sign += std::string("0") + type;
  if (format.zero && !format.align) {
    format.fill = "0";
    format.align = '=';
  }
  return padded(digits, sign, format, '>');
}

}  // namespace

std::string percent_format(std::string_view pattern, const Value& values, bool escapes) {
  Given given(values);
  Builder made;
  size_t at = 0;
  const auto here = [&] {
    if (at >= pattern.size()) throw Fault("incomplete format");
    return pattern[at];
  };
  const auto number = [&]() -> int64_t {
    if (here() == '*') {
      ++at;
      const Value& width = given.next();
      if (!width.is_whole() || std::abs(width.number()) > INT32_MAX) throw Fault("* wants int");
      return width.whole();
    }
    int64_t value = 0;
    while (std::isdigit(static_cast<unsigned char>(here())))
      if ((value = value * 10 + (pattern[at++] - '0')) > INT32_MAX) throw Fault("width too big");
    return value;
  };
  while (at < pattern.size()) {
    const size_t percent = std::min(pattern.find('%', at), pattern.size());
    made.add(pattern.substr(at, percent - at));
    at = percent;
    if (at == pattern.size()) break;
    ++at;
    Value value;
    bool named = false;
    if (here() == '(') {
      const size_t close = pattern.find(')', at);
      if (close == std::string_view::npos) throw Fault("incomplete format key");
      value = given.named(pattern.substr(at + 1, close - at - 1));
      named = true;
      at = close + 1;
    }
    Format format;
    for (bool flags = true; flags;) {
      const char flag = here();
      flags = std::string_view("#0- +").find(flag) != std::string_view::npos;
      if (flag == '#') format.alternate = true;
      if (flag == '0') format.zero = true;
      if (flag == '-') format.align = '<';
      if (flag == '+' || (flag == ' ' && format.sign != '+')) format.sign = flag;
      if (flags) ++at;
    }
    format.width = number();
    if (format.width < 0) {
      format.width = -format.width;
      format.align = '<';
    }
    if (here() == '.') {
      ++at;
      format.precision = std::max<int64_t>(number(), 0);
    }
    while (here() == 'h' || here() == 'l' || here() == 'L') ++at;
    format.type = here();
    ++at;
    if (format.type == '%') {
      made.add("%");
      continue;
    }
    if (std::string_view("sracdiuoxXeEfFgG").find(format.type) == std::string_view::npos)
      throw Fault(fmt::format("unsupported format character '{}'",
                              format.type < 0x20 || format.type > 0x7E ? '?' : format.type));
    made.add(converted(named ? value : given.next(), format, escapes));
  }
  given.expect_all_used();
  return made.take();
}

}  // namespace stemma::jinja

// Python's two ways to format: "%s" % value and "{}".format(value).
#pragma once

#include <string>
#include <string_view>

#include "runtime/template/values/object.h"

namespace stemma::jinja {

// `values` is a tuple for several, a dict for named ones; `escapes` what is put in, for HTML.
std::string percent_format(std::string_view pattern, const Value& values, bool escapes);
std::string brace_format(std::string_view pattern, const Arguments& arguments, bool escapes);

// The mini-language of format(): [[fill]align][sign][#][0][width][,][.precision][type], and of %.
struct Format {
  std::string fill = " ";
  char align = 0, sign = '-', type = 0, grouping = 0;
  bool alternate = false, zero = false;
  int64_t width = 0, precision = -1;
};
Format parse_format(std::string_view text);
std::string formatted(const Value& value, const Format& format);

// Helpers of both: the digits of a number in a format's type, without sign; and a text within a width.
std::string digits_of(const Value& value, const Format& format, bool& negative);
std::string padded(std::string_view text, std::string_view sign, const Format& format, char usual_align);

}  // namespace stemma::jinja

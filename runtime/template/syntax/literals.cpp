// Numbers and texts as templates write them.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "runtime/template/syntax/lexer.h"
#include "runtime/template/values/characters.h"
#include "runtime/template/values/integers.h"

namespace stemma::jinja {

namespace {

bool digit_at(std::string_view text, size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; }

// (\d+_)*\d+
size_t digits_from(std::string_view text, size_t at) {
  size_t end = at;
  while (digit_at(text, end) || (end > at && end < text.size() && text[end] == '_' && digit_at(text, end + 1))) ++end;
  return end - at;
}

std::string without_underscores(std::string_view text) {
  std::string digits(text);
  digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
  return digits;
}

size_t real_length(std::string_view text, size_t at) {
  if (at > 0 && text[at - 1] == '.') return 0;
  size_t end = at + digits_from(text, at);
  const size_t whole_end = end;
  if (end < text.size() && text[end] == '.' && digit_at(text, end + 1)) end += 1 + digits_from(text, end + 1);
  const bool fraction = end > whole_end;
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    const bool sign = end + 1 < text.size() && (text[end + 1] == '+' || text[end + 1] == '-');
    const size_t exponent = digits_from(text, end + (sign ? 2 : 1));
    if (exponent) return end + (sign ? 2 : 1) + exponent - at;
  }
  return fraction ? end - at : 0;
}

size_t based_length(std::string_view text, size_t at, int& base) {
  if (text[at] != '0' || at + 1 >= text.size()) return 0;
  const char letter = static_cast<char>(text[at + 1] | 0x20);
  base = letter == 'b' ? 2 : letter == 'o' ? 8 : letter == 'x' ? 16 : 0;
  if (!base) return 0;
  const auto fits = [&](size_t i) {
    if (i >= text.size()) return false;
    const char c = text[i];
    const int value = c >= '0' && c <= '9'                     ? c - '0'
                      : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                               : 99;
    return value < base;
  };
  size_t end = at + 2;
  while (fits(end) || (end < text.size() && text[end] == '_' && fits(end + 1))) ++end;
  return end > at + 2 ? end - at : 0;
}

int value_of_hex(std::string_view digits, int line) {
  int value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (failure != std::errc() || end != digits.data() + digits.size())
    throw SyntaxFault(line, "a \\x or \\u escape lacks digits");
  return value;
}

}  // namespace

size_t read_number(std::string_view source, size_t at, Token& token) {
  if (!digit_at(source, at)) return 0;
  int base = 10;
  size_t length = real_length(source, at);
  if (length) {
    const std::string digits = without_underscores(source.substr(at, length));
    token.kind = Token::Kind::real;
    double real = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), real).ec == std::errc::result_out_of_range)
      real = digits.find("e-") != std::string::npos || digits.find("E-") != std::string::npos ? 0 : HUGE_VAL;
    token.number = Value(real);
    return length;
  }
  length = based_length(source, at, base);
  const size_t prefix = length ? 2 : 0;
  if (!length) {
    base = 10;
    length = digits_from(source, at);
    if (source[at] == '0')  // 0(_?0)*
      length = std::min(length, source.substr(at, length).find_first_not_of("0_"));
  }
  const std::string digits = without_underscores(source.substr(at + prefix, length - prefix));
  token.kind = Token::Kind::integer;
  if (base == 10 && digits.size() > 4300) throw SyntaxFault(token.line, "an integer is too large");
  try {
    token.number = integer_from(digits, base);
  } catch (const Stop&) {
    throw SyntaxFault(token.line, "an integer is too large");
  }
  return length;
}

// What Python's unicode-escape codec does to the text after everything past ASCII was written as escapes.
std::string unescaped(std::string_view literal, int line) {
  static constexpr std::string_view letters = "abfnrtv\\'\"", meanings = "\a\b\f\n\r\t\v\\'\"";
  std::string made;
  for (size_t at = 0; at < literal.size();) {
    if (literal[at] != '\\') {
      made += literal[at++];
      continue;
    }
    if (++at >= literal.size()) throw SyntaxFault(line, "\\ at end of string");
    const char c = literal[at];
    if (const size_t letter = letters.find(c); letter != std::string_view::npos) {
      made += meanings[letter];
      ++at;
    } else if (c == '\n') {
      ++at;
    } else if (c >= '0' && c <= '7') {
      char32_t value = 0;
      for (int i = 0; i < 3 && at < literal.size() && literal[at] >= '0' && literal[at] <= '7'; ++i)
        value = value * 8 + static_cast<char32_t>(literal[at++] - '0');
      append_character(made, value);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      const size_t count = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      if (at + 1 + count > literal.size()) throw SyntaxFault(line, fmt::format("truncated \\{} escape", c));
      const auto value = static_cast<char32_t>(value_of_hex(literal.substr(at + 1, count), line));
      if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
        throw SyntaxFault(line, fmt::format("the escape \\{} names no character", literal.substr(at, count + 1)));
      append_character(made, value);
      at += 1 + count;
    } else if (c == 'N') {
      throw SyntaxFault(line, "characters by name (\\N{...}) are not supported here");
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      made += escape_of(character_at(literal, at));
      at += bytes_of_character(literal, at);
    } else {
      made += '\\';
      made += c;
      ++at;
    }
  }
  return made;
}

}  // namespace stemma::jinja

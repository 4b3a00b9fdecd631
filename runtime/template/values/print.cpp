#include "runtime/template/values/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "runtime/template/values/characters.h"
#include "runtime/template/values/integers.h"
#include "runtime/template/values/object.h"

namespace stemma::jinja {

namespace {

// Namespaces can hold themselves.
class Depth {
 public:
  Depth() {
    if (++depth > 2 * deepest_value) {
      --depth;
      throw Stop("prints a value that is nested too deep");
    }
  }
  ~Depth() { --depth; }

 private:
  static thread_local int depth;
};
thread_local int Depth::depth = 0;

void represent(const Value& value, Builder& into) {
  const Depth depth;
  work(1);
  switch (value.kind()) {
    case Value::Kind::undefined:
      return into.add("Undefined");
    case Value::Kind::text:
      if (value.text().markup) into.add("Markup(");
      into.add(jinja::quoted(value.text().bytes));
      if (value.text().markup) into.add(")");
      return;
    case Value::Kind::sequence: {
      const Sequence& sequence = value.sequence();
      const bool list = sequence.form == Sequence::Form::list;
      into.add(list ? "[" : "(");
      for (size_t i = 0; i < sequence.items.size(); ++i) {
        if (i) into.add(", ");
        represent(sequence.items[i], into);
      }
      if (!list && sequence.items.size() == 1) into.add(",");
      return into.add(list ? "]" : ")");
    }
    case Value::Kind::dict: {
      into.add("{");
      bool first = true;
      for (const auto& [key, item] : value.dict().entries()) {
        if (!first) into.add(", ");
        first = false;
        represent(key, into);
        into.add(": ");
        represent(item, into);
      }
      return into.add("}");
    }
    default:
      return into.add(printed(value));
  }
}

}  // namespace

void Builder::grow(size_t bytes) {
  const size_t size = text_.size() + bytes;
  if (size < text_.size()) expect_room(INT64_MAX);
  work_on_bytes(bytes);
  if (size <= charged_) return;
  const size_t wanted = std::max(size, charged_ * 2);
  if (!charge_) charge_.emplace(0);
  charge_->add(static_cast<int64_t>(wanted - charged_));
  charged_ = wanted;
  if (charged_ > 256) text_.reserve(charged_);
}

void Builder::add(std::string_view part) {
  grow(part.size());
  text_ += part;
}

void Builder::add(size_t count, char c) {
  grow(count);
  text_.append(count, c);
}

std::string Builder::take() {
  charge_.reset();
  charged_ = 0;
  return std::move(text_);
}

std::string printed(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::undefined:
      return "";
    case Value::Kind::none:
      return "None";
    case Value::Kind::boolean:
      return value.boolean() ? "True" : "False";
    case Value::Kind::integer:
      return fmt::format("{}", value.whole());
    case Value::Kind::wide:
      return (is_negative(value) ? "-" : "") + digits_of_integer(value, 10);
    case Value::Kind::real:
      return printed_real(value.number());
    case Value::Kind::text:
      return value.text().bytes;
    case Value::Kind::object:
      return value.object()->printed();
    default:
      return representation(value);
  }
}

std::string representation(const Value& value) {
  Builder into;
  represent(value, into);
  return into.take();
}

std::string ascii_representation(const Value& value) {
  const std::string text = representation(value);
  Builder made;
  for (size_t at = 0; at < text.size(); at += bytes_of_character(text, at)) {
    const char32_t c = character_at(text, at);
    made.add(c < 0x80 ? text.substr(at, 1) : escape_of(c));
  }
  return made.take();
}

std::string printed_real(double real) {
  if (std::isnan(real)) return "nan";
  if (std::isinf(real)) return real < 0 ? "-inf" : "inf";
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, std::abs(real), std::chars_format::scientific).ptr;
  const std::string_view shortest(text, static_cast<size_t>(end - text));
  const size_t e = shortest.find('e');
  std::string digits(shortest.substr(0, 1));
  if (e > 2) digits += shortest.substr(2, e - 2);
  int exponent = 0;
  const std::string_view written = shortest.substr(e + (shortest[e + 1] == '+' ? 2 : 1));
  std::from_chars(written.data(), written.data() + written.size(), exponent);
  std::string made = std::signbit(real) ? "-" : "";
  const int count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    made += digits.substr(0, 1);
    if (count > 1) made += "." + digits.substr(1);
    return made + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0) return made + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<size_t>(exponent + 1);
  if (digits.size() <= whole) return made + digits + std::string(whole - digits.size(), '0') + ".0";
  return made + digits.substr(0, whole) + "." + digits.substr(whole);
}

std::string quoted(std::string_view text) {
  const bool doubled = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  work_on_characters(text.size());
  const char quote = doubled ? '"' : '\'';
  Builder made;
  made.add(1, quote);
  for (size_t at = 0; at < text.size();) {
    const size_t length = bytes_of_character(text, at);
    const char32_t c = character_at(text, at);
    if (c == static_cast<char32_t>(quote) || c == '\\')
      made.add(fmt::format("\\{}", static_cast<char>(c)));
    else if (c == '\n')
      made.add("\\n");
    else if (c == '\r')
      made.add("\\r");
    else if (c == '\t')
      made.add("\\t");
    else if (is_printable(c))
      made.add(text.substr(at, length));
    else
      made.add(escape_of(c));
    at += length;
  }
  made.add(1, quote);
  return made.take();
}

}  // namespace stemma::jinja

// Methods of str that make another text of it, or tell of its characters.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/template/builtins/methods.h"
#include "runtime/template/machine/parameters.h"
#include "runtime/template/values/characters.h"
#include "runtime/template/values/escape.h"
#include "runtime/template/values/format.h"
#include "runtime/template/values/letters.h"
#include "runtime/template/values/operators.h"
#include "runtime/template/values/print.h"

namespace stemma::jinja {

namespace {

Value like(const Value& self, std::string text) { return make_text(std::move(text), self.text().markup); }

// What is put into escaped text is escaped, too.
std::string for_text(const Value& self, const Value& part) {
  return self.text().markup && !part.text().markup ? escaped(part.text().bytes) : part.text().bytes;
}

template <std::string (*change)(std::string_view)>
Value changed(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters none("str method", arguments, {});
  return like(self, change(self.text().bytes));
}

template <bool (*holds)(std::string_view)>
Value told(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters none("str method", arguments, {});
  work_on_characters(self.text().bytes.size());
  return Value(holds(self.text().bytes));
}

template <bool left, bool right>
Value strip(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given("strip", arguments, {""});
  if (given[0].is_none()) return like(self, std::string(stripped(self.text().bytes, nullptr, left, right)));
  const std::string_view chars = given.text(0);
  work(static_cast<int64_t>(chars.size()) * (1 + static_cast<int64_t>(self.text().bytes.size()) / 64));
  return like(self, std::string(stripped(self.text().bytes, &chars, left, right)));
}

template <char align>
Value justify(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given(align == '^' ? "center" : align == '<' ? "ljust" : "rjust", arguments, {"", ""}, 1);
  Format format;
  format.width = given.whole(0, 0);
  format.fill = given.text(1, " ");
  if (count_characters(format.fill) != 1) throw Fault("The fill character must be exactly one character long");
  const auto length = static_cast<int64_t>(self.text().length);
  if (align != '^' || format.width <= length) return like(self, padded(self.text().bytes, "", format, align));
  const int64_t missing = format.width - length;
  expect_room(missing * static_cast<int64_t>(format.fill.size()));
  const int64_t left = missing / 2 + (missing & format.width & 1);  // Python's own rounding
  Builder made;
  for (int64_t i = 0; i < left; ++i) made.add(format.fill);
  made.add(self.text().bytes);
  for (int64_t i = left; i < missing; ++i) made.add(format.fill);
  return like(self, made.take());
}

Value zfill(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given("zfill", arguments, {""}, 1);
  const std::string_view text = self.text().bytes;
  const std::string_view sign = text.substr(0, text.starts_with("+") || text.starts_with("-") ? 1 : 0);
  Format format;
  format.fill = "0";
  format.width = given.whole(0, 0);
  return like(self, padded(text.substr(sign.size()), sign, format, '='));
}

Value expandtabs(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given("expandtabs", arguments, {"tabsize"});
  const int64_t size = given.whole(0, 8);
  Builder made;
  int64_t column = 0;
  const std::string_view text = self.text().bytes;
  for (size_t at = 0; at < text.size();) {
    const size_t length = bytes_of_character(text, at);
    if (text[at] == '\t') {
      const int64_t spaces = size > 0 ? size - column % size : 0;
      made.add(static_cast<size_t>(spaces), ' ');
      column += spaces;
    } else {
      made.add(text.substr(at, length));
      column = text[at] == '\n' || text[at] == '\r' ? 0 : column + 1;
    }
    at += length;
  }
  return like(self, made.take());
}

Value replace(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given("replace", arguments, {"", "", ""}, 2);
  given.text(0);
  given.text(1);
  const std::string &text = self.text().bytes, old = for_text(self, given[0]), made_new = for_text(self, given[1]);
  int64_t left = given.whole(2, -1);
  Builder made;
  size_t at = 0;
  if (old.empty()) {
    for (; left != 0; --left) {
      made.add(made_new);
      if (at >= text.size()) break;
      const size_t length = bytes_of_character(text, at);
      made.add(std::string_view(text).substr(at, length));
      at += length;
    }
    made.add(std::string_view(text).substr(std::min(at, text.size())));
    return like(self, made.take());
  }
  for (; left != 0; --left) {
    const size_t found = find_text(text, old, at);
    if (found == std::string::npos) break;
    made.add(std::string_view(text).substr(at, found - at));
    made.add(made_new);
    at = found + old.size();
  }
  made.add(std::string_view(text).substr(at));
  return like(self, made.take());
}

Value removeprefix(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given("removeprefix", arguments, {""}, 1);
  const std::string& text = self.text().bytes;
  return text.starts_with(given.text(0)) ? like(self, text.substr(given.text(0).size())) : self;
}

Value removesuffix(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given("removesuffix", arguments, {""}, 1);
  const std::string& text = self.text().bytes;
  const bool ends = text.ends_with(given.text(0)) && !given.text(0).empty();
  return ends ? like(self, text.substr(0, text.size() - given.text(0).size())) : self;
}

Value join(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given("join", arguments, {""}, 1);
  if (!can_be_gone_through(given[0])) throw Fault("can only join an iterable");
  Builder made;
  size_t i = 0;
  Cursor cursor = items_of(given[0]);
  for (Value next; cursor(next); ++i) {
    if (!next.is_text() && !self.text().markup)
      throw Fault(fmt::format("sequence item {}: expected str instance, {} found", i, next.type_name()));
    if (i) made.add(self.text().bytes);
    made.add(next.is_text() ? for_text(self, next) : escaped(printed(next)));
  }
  return like(self, made.take());
}

Value brace_formatted(const Value& self, Machine&, const Arguments& arguments) {
  return like(self, brace_format(self.text().bytes, arguments, self.text().markup));
}

Value format_map(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given("format_map", arguments, {""}, 1);
  Arguments named;
  if (given[0].is(Value::Kind::dict))
    for (const auto& [key, value] : given[0].dict().entries())
      if (key.is_text()) named.named.emplace_back(key.text().bytes, value);
  return like(self, brace_format(self.text().bytes, named, self.text().markup));
}

// What a table says of a character: another one by its number, a text, None for nothing, or itself where it is silent.
void add_translated(const Value& table, std::string_view character, Builder& made) {
  const Value found = item_of(table, Value(static_cast<int64_t>(character_at(character, 0))));
  if (found.is_undefined()) return made.add(character);
  if (found.is_none()) return;
  if (found.is_text()) return made.add(found.text().bytes);
  if (!found.is_whole() || found.whole() < 0 || found.whole() > 0x10FFFF)
    throw Fault("character mapping must return integer, None or str");
  std::string other;
  append_character(other, static_cast<char32_t>(found.whole()));
  made.add(other);
}

Value translate(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given("translate", arguments, {""}, 1);
  const Value& table = given[0];
  if (!table.is(Value::Kind::dict) && !table.is(Value::Kind::sequence) && !table.is_text())
    throw Fault(fmt::format("'{}' object is not subscriptable", table.type_name()));
  Builder made;
  const std::string_view text = self.text().bytes;
  for (size_t at = 0; at < text.size(); at += bytes_of_character(text, at))
    add_translated(table, text.substr(at, bytes_of_character(text, at)), made);
  return like(self, made.take());
}

Value maketrans(const Value&, Machine&, const Arguments& arguments) {
  const Parameters given("maketrans", arguments, {"", "", ""}, 1);
  auto table = std::make_shared<Dict>();
  const auto code = [](const Value& character) {
    if (!character.is_text()) return character;
    if (character.text().length != 1) throw Fault("string keys in translate table must be of length 1");
    return Value(static_cast<int64_t>(character_at(character.text().bytes, 0)));
  };
  if (!given.given(1)) {
    if (!given[0].is(Value::Kind::dict)) throw Fault("if you give only one argument to maketrans it must be a dict");
    for (const auto& [key, value] : given[0].dict().entries()) table->set(code(key), value);
    return Value(std::shared_ptr<const Dict>(table));
  }
  given.text(0);
  given.text(1);
  const std::vector<Value> from = list_of(given[0]), to = list_of(given[1]);
  if (from.size() != to.size()) throw Fault("the first two maketrans arguments must have equal length");
  for (size_t i = 0; i < from.size(); ++i) table->set(code(from[i]), code(to[i]));
  if (given.given(2)) {
    given.text(2);
    for (const Value& dropped : list_of(given[2])) table->set(code(dropped), None{});
  }
  return Value(std::shared_ptr<const Dict>(table));
}

bool all_space(std::string_view text) { return !text.empty() && stripped(text, nullptr, true, false).empty(); }

bool all_printable(std::string_view text) {
  for (size_t at = 0; at < text.size(); at += bytes_of_character(text, at))
    if (!is_printable(character_at(text, at))) return false;
  return true;
}

bool all_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}

}  // namespace

const MethodTable& text_methods() {
  static const MethodTable table = {
      {"upper", changed<upper_case>},
      {"lower", changed<lower_case>},
      {"casefold", changed<folded_case>},
      {"swapcase", changed<swapped_case>},
      {"capitalize", changed<capitalized>},
      {"title", changed<titled>},
      {"isupper", told<is_upper>},
      {"islower", told<is_lower>},
      {"istitle", told<is_title>},
      {"isalpha", told<is_alphabetic>},
      {"isdecimal", told<is_decimal>},
      {"isdigit", told<is_digit>},
      {"isnumeric", told<is_numeric>},
      {"isalnum", told<is_alphanumeric>},
      {"isidentifier", told<is_identifier>},
      {"isspace", told<all_space>},
      {"isprintable", told<all_printable>},
      {"isascii", told<all_ascii>},
      {"strip", strip<true, true>},
      {"lstrip", strip<true, false>},
      {"rstrip", strip<false, true>},
      {"center", justify<'^'>},
      {"ljust", justify<'<'>},
      {"rjust", justify<'>'>},
      {"zfill", zfill},
      {"expandtabs", expandtabs},
      {"replace", replace},
      {"translate", translate},
      {"maketrans", maketrans},
      {"removeprefix", removeprefix},
      {"removesuffix", removesuffix},
      {"join", join},
      {"format", brace_formatted},
      {"format_map", format_map},
  };
  return table;
}

}  // namespace stemma::jinja

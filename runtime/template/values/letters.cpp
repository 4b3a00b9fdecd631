#include "runtime/template/values/letters.h"

#include <utf8proc.h>

#include <functional>

#include "runtime/template/limits.h"
#include "runtime/template/values/characters.h"

namespace stemma::jinja {

namespace {

enum class Case { none, lower, upper, title };

utf8proc_category_t category_of(char32_t c) {
  return static_cast<utf8proc_category_t>(utf8proc_category(static_cast<utf8proc_int32_t>(c)));
}

char32_t to_upper(char32_t c) { return static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))); }
char32_t to_lower(char32_t c) { return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))); }
char32_t to_title(char32_t c) { return static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))); }

Case case_of(char32_t c) {
  switch (category_of(c)) {
    case UTF8PROC_CATEGORY_LU:
      return Case::upper;
    case UTF8PROC_CATEGORY_LL:
      return Case::lower;
    case UTF8PROC_CATEGORY_LT:
      return Case::title;
    default:
      break;
  }
  if (c < 0x80) return Case::none;
  if (c == 0xAA || c == 0xBA || to_upper(c) != c) return Case::lower;
  return to_lower(c) != c ? Case::upper : Case::none;
}

std::u32string fold(char32_t c) {
  utf8proc_int32_t folded[8];
  int last = 0;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), folded, 8, UTF8PROC_CASEFOLD, &last);
  return count > 0 && count <= 8 ? std::u32string(folded, folded + count) : std::u32string(1, c);
}

// One letter that becomes several, such as sharp s: its folding has as many.
bool expands(char32_t c, std::u32string& folded) {
  if (c < 0x80 || c == 0x130 || c == 0x1E9E) return false;
  folded = fold(c);
  return folded.size() > 1;
}

void append_upper(std::string& text, char32_t c) {
  std::u32string folded;
  if (!expands(c, folded)) return append_character(text, to_upper(c));
  for (const char32_t part : folded) append_character(text, to_upper(part));
}

void append_title(std::string& text, char32_t c) {
  std::u32string folded;
  if (to_title(c) != c || !expands(c, folded)) return append_character(text, to_title(c));
  for (size_t i = 0; i < folded.size(); ++i) append_character(text, i ? folded[i] : to_upper(folded[i]));
}

void append_lower(std::string& text, char32_t c) {
  append_character(text, c == 0x130 ? U'i' : to_lower(c));
  if (c == 0x130) append_character(text, 0x307);
}

bool ignored_beside_sigma(char32_t c) {
  const auto category = category_of(c);
  return c == '\'' || c == '.' || c == ':' || c == 0xAD || c == 0xB7 || c == 0x2019 ||
         category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME || category == UTF8PROC_CATEGORY_CF ||
         category == UTF8PROC_CATEGORY_LM || category == UTF8PROC_CATEGORY_SK;
}

// A sigma at the end of a word is written otherwise.
bool ends_word(std::string_view text, size_t at) {
  bool letter_before = false;
  for (size_t i = at; i > 0;) {
    i = character_before(text, i);
    const char32_t c = character_at(text, i);
    if (ignored_beside_sigma(c)) continue;
    letter_before = case_of(c) != Case::none;
    break;
  }
  for (size_t i = at + 2; letter_before && i < text.size(); i += bytes_of_character(text, i)) {
    const char32_t c = character_at(text, i);
    if (!ignored_beside_sigma(c)) return case_of(c) == Case::none;
  }
  return letter_before;
}

using Each = std::function<void(std::string& into, char32_t character, size_t at)>;

std::string each_character(std::string_view text, const Each& each) {
  work_on_characters(2 * text.size());
  expect_room(static_cast<int64_t>(text.size()));
  std::string made;
  made.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t length = bytes_of_character(text, at);
    const char32_t c = character_at(text, at);
    if (c == U'\uFFFD')
      made.append(text, at, length);
    else
      each(made, c, at);
    at += length;
  }
  return made;
}

void append_lower_in(std::string_view text, std::string& into, char32_t c, size_t at) {
  constexpr char32_t sigma = 0x3A3, last_sigma = 0x3C2;
  if (c == sigma && ends_word(text, at)) return append_character(into, last_sigma);
  append_lower(into, c);
}

bool all(std::string_view text, const std::function<bool(char32_t)>& holds) {
  work_on_characters(text.size());
  for (size_t at = 0; at < text.size(); at += bytes_of_character(text, at))
    if (!holds(character_at(text, at))) return false;
  return !text.empty();
}

bool is_letter(char32_t c) {
  const auto category = category_of(c);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool is_decimal_digit(char32_t c) { return category_of(c) == UTF8PROC_CATEGORY_ND; }

// Superscripts, subscripts and digits in circles are digits that are no decimals.
bool is_any_digit(char32_t c) {
  return is_decimal_digit(c) || c == 0xB2 || c == 0xB3 || c == 0xB9 || c == 0x2070 || (c >= 0x2074 && c <= 0x2079) ||
         (c >= 0x2080 && c <= 0x2089) || (c >= 0x2460 && c <= 0x2468) || (c >= 0x2474 && c <= 0x247C) ||
         (c >= 0x2488 && c <= 0x2490) || (c >= 0x2776 && c <= 0x277E);
}

bool is_any_number(char32_t c) {
  const auto category = category_of(c);
  constexpr std::u32string_view han =
      U"\u3007\u4E00\u4E8C\u4E09\u56DB\u4E94\u516D\u4E03\u516B\u4E5D\u5341\u767E\u5343\u4E07\u842C\u5104\u5146";
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO ||
         han.find(c) != std::u32string_view::npos;
}

bool one_case(std::string_view text, Case wanted) {
  bool found = false;
  for (size_t at = 0; at < text.size(); at += bytes_of_character(text, at)) {
    const Case here = case_of(character_at(text, at));
    if (here != Case::none && here != wanted) return false;
    found |= here == wanted;
  }
  return found;
}

}  // namespace

std::string upper_case(std::string_view text) {
  return each_character(text, [](std::string& into, char32_t c, size_t) { append_upper(into, c); });
}

std::string lower_case(std::string_view text) {
  return each_character(text, [&](std::string& into, char32_t c, size_t at) { append_lower_in(text, into, c, at); });
}

std::string folded_case(std::string_view text) {
  return each_character(text, [](std::string& into, char32_t c, size_t) {
    for (const char32_t part : fold(c)) append_character(into, part);
  });
}

std::string swapped_case(std::string_view text) {
  return each_character(text, [&](std::string& into, char32_t c, size_t at) {
    if (case_of(c) == Case::upper)
      append_lower_in(text, into, c, at);
    else if (case_of(c) == Case::lower)
      append_upper(into, c);
    else
      append_character(into, c);
  });
}

std::string capitalized(std::string_view text) {
  return each_character(text, [&](std::string& into, char32_t c, size_t at) {
    if (at == 0)
      append_title(into, c);
    else
      append_lower_in(text, into, c, at);
  });
}

std::string titled(std::string_view text) {
  bool inside = false;
  return each_character(text, [&](std::string& into, char32_t c, size_t at) {
    if (inside)
      append_lower_in(text, into, c, at);
    else
      append_title(into, c);
    inside = case_of(c) != Case::none;
  });
}

bool is_upper(std::string_view text) { return one_case(text, Case::upper); }

bool is_lower(std::string_view text) { return one_case(text, Case::lower); }

bool is_title(std::string_view text) {
  bool inside = false, found = false;
  for (size_t at = 0; at < text.size(); at += bytes_of_character(text, at)) {
    const Case here = case_of(character_at(text, at));
    if (here != Case::none && (here == Case::lower) != inside) return false;
    inside = here != Case::none;
    found |= inside;
  }
  return found;
}

bool is_alphabetic(std::string_view text) { return all(text, is_letter); }

bool is_decimal(std::string_view text) { return all(text, is_decimal_digit); }

bool is_digit(std::string_view text) { return all(text, is_any_digit); }

bool is_numeric(std::string_view text) { return all(text, is_any_number); }

bool is_alphanumeric(std::string_view text) {
  return all(text, [](char32_t c) { return is_letter(c) || is_any_number(c); });
}

bool is_identifier(std::string_view text) {
  return all(text, is_word_character) && !is_decimal_digit(character_at(text, 0));
}

}  // namespace stemma::jinja

#include "runtime/model/tokenizer/characters.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <memory>

#include "runtime/model/tokenizer/newer_characters.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

using enum NewerCharacters::Flip;

// As utf8proc numbers them.
constexpr std::array<std::string_view, 30> category_names = {
    "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps",
    "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co"};

utf8proc_category_t category(char32_t character) {
  if (const auto* newer = newer_character(character); newer && !newer->category.empty()) {
    const auto* place = std::find(category_names.begin(), category_names.end(), newer->category);
    return static_cast<utf8proc_category_t>(place - category_names.begin());
  }
  return utf8proc_category(static_cast<utf8proc_int32_t>(character));
}
bool within(utf8proc_category_t value, utf8proc_category_t first, utf8proc_category_t last) {
  return value >= first && value <= last;
}

// Letters, numbers and spaces end well before here.
constexpr char32_t kinds_end = 0x40000;

struct Kinds {
  std::array<CharacterKind, kinds_end> of{};

  Kinds() {
    for (char32_t c = 0; c < kinds_end; ++c) {
      const auto value = category(c);
      if (within(value, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LO))
        of[c] = CharacterKind::letter;
      else if (within(value, UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NO))
        of[c] = CharacterKind::number;
      else if (is_white_space(c))
        of[c] = CharacterKind::space;
    }
  }
};

}  // namespace

CharacterKind kind_of(char32_t character) {
  static const auto kinds = std::make_unique<const Kinds>();
  return character < kinds_end ? kinds->of[character] : CharacterKind::other;
}

bool is_numeric(char32_t character) {
  return within(category(character), UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NO) != flips(character, numeric);
}
bool is_mark(char32_t character) {
  return within(category(character), UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_ME) != flips(character, accents);
}
bool is_nonspacing_mark(char32_t character) {
  return (category(character) == UTF8PROC_CATEGORY_MN) != flips(character, nonspacing);
}

bool is_punctuation(char32_t character) {
  if (character < 0x80)
    return (character >= 0x21 && character <= 0x2F) || (character >= 0x3A && character <= 0x40) ||
           (character >= 0x5B && character <= 0x60) || (character >= 0x7B && character <= 0x7E);
  return within(category(character), UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PO) != flips(character, punctuation);
}

bool is_control(char32_t character) {
  const auto value = category(character);
  const bool found = value == UTF8PROC_CATEGORY_CC || value == UTF8PROC_CATEGORY_CF || value == UTF8PROC_CATEGORY_CO;
  return found != flips(character, control);
}

bool is_word(char32_t character) {
  const auto value = category(character);
  return within(value, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_NL) || value == UTF8PROC_CATEGORY_PC ||
         character == 0x200C || character == 0x200D || (character >= 0x24B6 && character <= 0x24E9) ||
         (character >= 0x1F130 && character <= 0x1F149) || (character >= 0x1F150 && character <= 0x1F169) ||
         (character >= 0x1F170 && character <= 0x1F189);
}

bool is_han(char32_t character) {
  return (character >= 0x4E00 && character <= 0x9FFF) || (character >= 0x3400 && character <= 0x4DBF) ||
         (character >= 0x20000 && character <= 0x2A6DF) || (character >= 0x2A700 && character <= 0x2B73F) ||
         (character >= 0x2B740 && character <= 0x2B81F) || (character >= 0x2B920 && character <= 0x2CEAF) ||
         (character >= 0xF900 && character <= 0xFAFF) || (character >= 0x2F800 && character <= 0x2FA1F);
}

void append_utf8(std::string& text, char32_t character) {
  utf8proc_uint8_t bytes[4];
  const auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(character), bytes);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
}

void append_lowercase(std::string& text, char32_t character) {
  // What the standard library of Rust has beyond utf8proc: Unicode 17.
  struct Newer {
    char32_t first, last, lower;
  };
  constexpr Newer newer[] = {{0x1C89, 0x1C89, 0x1C8A}, {0xA7CB, 0xA7CB, 0x264},  {0xA7CC, 0xA7CC, 0xA7CD},
                             {0xA7CE, 0xA7CE, 0xA7CF}, {0xA7D2, 0xA7D2, 0xA7D3}, {0xA7D4, 0xA7D4, 0xA7D5},
                             {0xA7DA, 0xA7DA, 0xA7DB}, {0xA7DC, 0xA7DC, 0x19B},  {0x10D50, 0x10D65, 0x10D70},
                             {0x16EA0, 0x16EB8, 0x16EBB}};
  if (character == 0x130) return append_utf8(text, U'i'), append_utf8(text, 0x307);
  if (character >= newer[0].first)
    for (const Newer& row : newer)
      if (character >= row.first && character <= row.last) return append_utf8(text, row.lower + character - row.first);
  append_utf8(text, static_cast<char32_t>(utf8proc_tolower(static_cast<int32_t>(character))));
}

}  // namespace stemma

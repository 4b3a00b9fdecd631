// Where the crate `tokenizers` and the distribution's Unicode libraries know different versions of Unicode.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace stemma {

struct NewerCharacters {
  // Questions to which the crate's answer is not what the character's category gives.
  enum Flip : uint8_t { normal_forms = 1, accents = 2, nonspacing = 4, punctuation = 8, control = 16, numeric = 32 };

  char32_t first, last;
  std::string_view category;  // in Unicode 16, which the crate's patterns know; empty: as in Unicode 14
  uint8_t flips;
};

// In order, not overlapping; written by tests/golden/tokenizers/make_characters.py.
std::span<const NewerCharacters> newer_characters();
const NewerCharacters* newer_character(char32_t character);  // nullptr: not among them

inline bool flips(char32_t character, NewerCharacters::Flip question) {
  const auto* newer = newer_character(character);
  return newer && (newer->flips & question);
}

}  // namespace stemma

// What tokenizers ask of a Unicode character.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stemma {

// The classes that the common split patterns tell apart: \p{L}, \p{N}, \s, everything else.
enum class CharacterKind : uint8_t { other, letter, number, space };
CharacterKind kind_of(char32_t character);

bool is_numeric(char32_t character);  // general category N
bool is_mark(char32_t character);     // M
bool is_nonspacing_mark(char32_t character);
bool is_punctuation(char32_t character);  // P, and the symbols of ASCII
bool is_control(char32_t character);      // Cc, Cf, Co
bool is_word(char32_t character);         // \w: letters, marks, decimal digits, connectors and joiners
bool is_han(char32_t character);          // the blocks that BERT spaces out

void append_utf8(std::string& text, char32_t character);
void append_lowercase(std::string& text, char32_t character);

}  // namespace stemma

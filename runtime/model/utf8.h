// Reading UTF-8 that may be broken.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stemma {

// Bytes of the character that begins at `at`: 1 to 4; 0 where the bytes there are not UTF-8 (overlong forms, surrogates
// and numbers past U+10FFFF are not).
size_t utf8_length(std::string_view text, size_t at);
// The character there, which must be valid.
char32_t utf8_character(std::string_view text, size_t at);
// How many bytes of ASCII begin at `at`.
size_t ascii_length(std::string_view text, size_t at);
// Empty where `text` is UTF-8; else a copy of the same length with SUB for each byte that is not.
std::string valid_utf8(std::string_view text);
// For a person to read: bytes that are not whole UTF-8 become U+FFFD.
std::string printable(std::string_view bytes);
// The Unicode property White_Space.
bool is_white_space(char32_t character);

}  // namespace stemma

// How tokenizer.json spells bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stemma {

// GPT-2's alphabet: printable Latin-1 bytes are themselves, the other 68 are characters from U+0100 on.
std::string spelling_of_byte(uint8_t byte);
// The bytes behind a spelling; a spelling with any other character stands for itself.
std::string bytes_of_spelling(std::string_view spelling);

// "<0x0A>" -> 10.
std::optional<uint8_t> byte_of_token(std::string_view token);
// SentencePiece's U+2581 for each space, undone.
std::string spaces_of_underscores(std::string_view spelling);
inline constexpr std::string_view underscore = "\u2581";

}  // namespace stemma

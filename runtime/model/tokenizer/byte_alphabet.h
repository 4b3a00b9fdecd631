// How tokenizer.json spells bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stemma {

// GPT-2's alphabet: printable Latin-1 bytes are themselves, the other 68 are characters from U+0100 on.
std::string spelling_of_byte(uint8_t byte);
std::string spelling_of_bytes(std::string_view bytes);
// The bytes behind a spelling; nothing where it has any other character.
std::optional<std::string> exact_bytes_of_spelling(std::string_view spelling);
// The same; a spelling with any other character stands for itself.
std::string bytes_of_spelling(std::string_view spelling);

// "<0x0A>" -> 10.
std::optional<uint8_t> byte_of_token(std::string_view token);
std::string token_of_byte(uint8_t byte);
// SentencePiece's space.
inline constexpr std::string_view underscore = "\u2581";

}  // namespace stemma

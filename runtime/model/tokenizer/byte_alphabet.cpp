#include "runtime/model/tokenizer/byte_alphabet.h"

#include <fmt/format.h>

#include <array>

#include "runtime/model/utf8.h"

namespace stemma {

namespace {

struct Alphabet {
  std::array<char32_t, 256> characters{};
  std::array<int16_t, 0x180> bytes{};

  Alphabet() {
    bytes.fill(-1);
    char32_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
      characters[byte] = printable ? static_cast<char32_t>(byte) : next++;
      bytes[characters[byte]] = static_cast<int16_t>(byte);
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet made;
  return made;
}

}  // namespace

std::string spelling_of_byte(uint8_t byte) {
  const char32_t character = alphabet().characters[byte];
  if (character < 0x80) return {static_cast<char>(character)};
  return {static_cast<char>(0xC0 | (character >> 6)), static_cast<char>(0x80 | (character & 0x3F))};
}

std::string spelling_of_bytes(std::string_view bytes) {
  std::string spelling;
  for (char byte : bytes) spelling += spelling_of_byte(static_cast<uint8_t>(byte));
  return spelling;
}

std::optional<std::string> exact_bytes_of_spelling(std::string_view spelling) {
  std::string bytes;
  for (size_t at = 0; at < spelling.size();) {
    const size_t length = utf8_length(spelling, at);
    const char32_t character = length ? utf8_character(spelling, at) : 0;
    const int byte = length && character < alphabet().bytes.size() ? alphabet().bytes[character] : -1;
    if (byte < 0) return {};
    bytes += static_cast<char>(byte);
    at += length;
  }
  return bytes;
}

std::string bytes_of_spelling(std::string_view spelling) {
  return exact_bytes_of_spelling(spelling).value_or(std::string(spelling));
}

std::optional<uint8_t> byte_of_token(std::string_view token) {
  auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>' || digit(token[3]) < 0 || digit(token[4]) < 0)
    return {};
  return static_cast<uint8_t>(digit(token[3]) * 16 + digit(token[4]));
}

std::string token_of_byte(uint8_t byte) { return fmt::format("<0x{:02X}>", byte); }

}  // namespace stemma

#include "runtime/model/utf8.h"

#include <cstdint>
#include <cstring>

namespace stemma {

size_t utf8_length(std::string_view text, size_t at) {
  auto byte = [&](size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
  auto continues = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (at >= text.size()) return 0;
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return continues(1) ? 2 : 0;
  if (first < 0xF0) {
    if (!continues(1) || !continues(2)) return 0;
    const bool overlong = first == 0xE0 && byte(1) < 0xA0, surrogate = first == 0xED && byte(1) >= 0xA0;
    return overlong || surrogate ? 0 : 3;
  }
  if (first > 0xF4 || !continues(1) || !continues(2) || !continues(3)) return 0;
  const bool overlong = first == 0xF0 && byte(1) < 0x90, beyond = first == 0xF4 && byte(1) >= 0x90;
  return overlong || beyond ? 0 : 4;
}

char32_t utf8_character(std::string_view text, size_t at) {
  const size_t length = utf8_length(text, at);
  const auto first = static_cast<unsigned char>(text[at]);
  char32_t character = length < 2 ? first : first & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) character = (character << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3Fu);
  return character;
}

size_t ascii_length(std::string_view text, size_t at) {
  size_t end = at;
  for (uint64_t eight; end + sizeof eight <= text.size(); end += sizeof eight) {
    std::memcpy(&eight, text.data() + end, sizeof eight);
    if (eight & 0x8080808080808080u) break;
  }
  while (end < text.size() && static_cast<unsigned char>(text[end]) < 0x80) ++end;
  return end - at;
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  for (size_t at = ascii_length(text, 0); at < text.size(); at += ascii_length(text, at)) {
    const size_t length = utf8_length(text, at);
    if (!length) {
      if (valid.empty()) valid = text;
      valid[at] = '\x1A';
    }
    at += length ? length : 1;
  }
  return valid;
}

bool is_white_space(char32_t character) {
  return (character >= 0x09 && character <= 0x0D) || character == 0x20 || character == 0x85 || character == 0xA0 ||
         character == 0x1680 || (character >= 0x2000 && character <= 0x200A) || character == 0x2028 ||
         character == 0x2029 || character == 0x202F || character == 0x205F || character == 0x3000;
}

std::string printable(std::string_view bytes) {
  std::string text;
  for (size_t at = 0; at < bytes.size();) {
    const size_t length = utf8_length(bytes, at);
    text += length ? bytes.substr(at, length) : std::string_view("\uFFFD");
    at += length ? length : 1;
  }
  return text;
}

}  // namespace stemma

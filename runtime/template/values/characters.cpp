#include "runtime/template/values/characters.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstring>

#include "runtime/model/utf8.h"
#include "runtime/template/limits.h"

namespace stemma::jinja {

namespace {

bool is_ascii(std::string_view text, size_t at) { return static_cast<unsigned char>(text[at]) < 0x80; }

// How many characters of one byte each begin at `at`, told eight at a time: 8 or 0.
size_t ascii_from(std::string_view text, size_t at) {
  uint64_t eight = 0;
  if (at + sizeof eight > text.size()) return 0;
  std::memcpy(&eight, text.data() + at, sizeof eight);
  return (eight & 0x8080808080808080u) == 0 ? sizeof eight : 0;
}

}  // namespace

size_t bytes_of_character(std::string_view text, size_t at) {
  return is_ascii(text, at) ? 1 : std::max<size_t>(utf8_length(text, at), 1);
}

char32_t character_at(std::string_view text, size_t at) {
  return utf8_length(text, at) ? utf8_character(text, at) : U'\uFFFD';
}

size_t character_before(std::string_view text, size_t end) {
  for (size_t back = 2; back <= 4 && back <= end; ++back)
    if (utf8_length(text.substr(0, end), end - back) == back) return end - back;
  return end - 1;
}

size_t count_characters(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t plain = ascii_from(text, at);
    count += plain ? plain : 1;
    at += plain ? plain : bytes_of_character(text, at);
  }
  return count;
}

size_t byte_of_character(std::string_view text, size_t index) {
  size_t at = 0;
  while (index > 0 && at < text.size()) {
    const size_t plain = ascii_from(text, at);
    if (plain && plain <= index) {
      at += plain;
      index -= plain;
    } else {
      at += bytes_of_character(text, at);
      --index;
    }
  }
  return at;
}

size_t whole_characters(std::string_view text, size_t most) {
  size_t at = 0;
  while (at < text.size() && at + bytes_of_character(text, at) <= most) at += bytes_of_character(text, at);
  return at;
}

void append_character(std::string& text, char32_t character) {
  utf8proc_uint8_t bytes[4];
  const auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(character), bytes);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
}

std::string escape_of(char32_t character) {
  const auto code = static_cast<uint32_t>(character);
  if (code < 0x100) return fmt::format("\\x{:02x}", code);
  return code < 0x10000 ? fmt::format("\\u{:04x}", code) : fmt::format("\\U{:08x}", code);
}

bool is_space(char32_t character) { return (character >= 0x1C && character <= 0x1F) || is_white_space(character); }

bool is_printable(char32_t character) {
  if (character == ' ') return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(character))) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return true;
  }
}

bool is_word_character(char32_t character) {
  if (character == '_') return true;
  if (character < 0x80)
    return (character >= '0' && character <= '9') || ((character | 0x20) >= 'a' && (character | 0x20) <= 'z');
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(character));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NL;
}

std::string_view stripped(std::string_view text, const std::string_view* chars, bool left, bool right) {
  const auto falls = [&](size_t at) {
    const size_t length = bytes_of_character(text, at);
    if (!chars) return is_space(character_at(text, at));
    const std::string_view character = text.substr(at, length);
    for (size_t i = 0; i < chars->size(); i += bytes_of_character(*chars, i))
      if (chars->substr(i, bytes_of_character(*chars, i)) == character) return true;
    return false;
  };
  size_t begin = 0, end = text.size();
  while (left && begin < end && falls(begin)) begin += bytes_of_character(text, begin);
  while (right && end > begin) {
    const size_t last = std::max(character_before(text, end), begin);
    if (!falls(last)) break;
    end = last;
  }
  work_on_characters(text.size() - (end - begin));
  return text.substr(begin, end - begin);
}

std::vector<std::string_view> lines_of(std::string_view text, bool keep_ends) {
  work_on_characters(text.size());
  std::vector<std::string_view> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const char32_t character = character_at(text, at);
    size_t next = at + bytes_of_character(text, at);
    const bool ends = (character >= 0x0A && character <= 0x0D) || (character >= 0x1C && character <= 0x1E) ||
                      character == 0x85 || character == 0x2028 || character == 0x2029;
    if (ends) {
      if (character == '\r' && next < text.size() && text[next] == '\n') ++next;
      lines.push_back(text.substr(begin, (keep_ends ? next : at) - begin));
      if (lines.size() % 1024 == 0) expect_room(static_cast<int64_t>(lines.size() * 128));
      begin = next;
    }
    at = next;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

size_t find_text(std::string_view text, std::string_view part, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (part.empty()) return from;
  const void* found = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found ? static_cast<size_t>(static_cast<const char*>(found) - text.data()) : std::string_view::npos;
}

size_t find_last_text(std::string_view text, std::string_view part) {
  work_on_bytes(8 * text.size());
  const std::string backward(text.rbegin(), text.rend()), wanted(part.rbegin(), part.rend());
  const size_t found = find_text(backward, wanted);
  return found == std::string_view::npos ? found : text.size() - found - part.size();
}

}  // namespace stemma::jinja

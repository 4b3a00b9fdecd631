#include "runtime/corpus/json_reader.h"

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "runtime/model/tokenizer/characters.h"
#include "runtime/model/utf8.h"

namespace stemma {

static_assert(std::endian::native == std::endian::little);

char JsonReader::next() {
  while (byte() == ' ' || byte() == '\t' || byte() == '\n' || byte() == '\r') ++at_;
  return byte();
}

bool JsonReader::take(char mark) {
  if (next() != mark) return false;
  ++at_;
  return true;
}

// Over the bytes of ASCII that stand for themselves, eight at a time: in `stop` the highest bit of each byte that is a
// quote, a backslash, below 0x20 or above 0x7f. A borrow spoils only bytes behind the first of those.
void JsonReader::skip_plain() {
  constexpr uint64_t each = 0x0101010101010101, high = 0x80 * each;
  for (uint64_t eight; at_ + sizeof eight <= text_.size(); at_ += sizeof eight) {
    std::memcpy(&eight, text_.data() + at_, sizeof eight);
    const uint64_t quote = eight ^ ('"' * each), backslash = eight ^ ('\\' * each);
    const uint64_t stop = ((quote - each) | (backslash - each) | (eight - 0x20 * each) | eight) & high;
    if (stop == 0) continue;
    at_ += static_cast<size_t>(std::countr_zero(stop)) / 8;
    return;
  }
  for (; at_ < text_.size(); ++at_) {
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (c < 0x20 || c > 0x7f || c == '"' || c == '\\') return;
  }
}

bool JsonReader::string(std::string* value) {
  if (!take('"')) return false;
  for (size_t begin = at_;;) {
    skip_plain();
    const char stop = byte();
    if (stop == '"' || stop == '\\') {
      if (value) value->append(text_, begin, at_ - begin);
      ++at_;
      if (stop == '"') return true;
      if (!escape(value)) return false;
      begin = at_;
    } else {
      const size_t length = static_cast<unsigned char>(stop) < 0x20 ? 0 : utf8_length(text_, at_);
      if (length == 0) return false;
      at_ += length;
    }
  }
}

bool JsonReader::escape(std::string* value) {
  constexpr std::string_view letters = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
  if (at_ == text_.size()) return false;
  const char letter = text_[at_++];
  if (const size_t which = letters.find(letter); which != std::string_view::npos) {
    if (value) value->push_back(meant[which]);
    return true;
  }
  char32_t character = 0, low = 0;
  if (letter != 'u' || !hexadecimal(character) || (character >= 0xDC00 && character <= 0xDFFF)) return false;
  if (character >= 0xD800 && character <= 0xDBFF) {  // the first of a pair
    if (text_.substr(at_, 2) != "\\u") return false;
    at_ += 2;
    if (!hexadecimal(low) || low < 0xDC00 || low > 0xDFFF) return false;
    character = 0x10000 + ((character - 0xD800) << 10) + (low - 0xDC00);
  }
  if (value) append_utf8(*value, character);
  return true;
}

bool JsonReader::hexadecimal(char32_t& unit) {
  const std::string_view four = text_.substr(at_, 4);
  uint16_t number = 0;
  const auto read = std::from_chars(four.data(), four.data() + four.size(), number, 16);
  if (four.size() != 4 || read.ec != std::errc() || read.ptr != four.data() + 4) return false;
  at_ += 4;
  unit = number;
  return true;
}

bool JsonReader::digits() {
  const size_t begin = at_;
  while (byte() >= '0' && byte() <= '9') ++at_;
  return at_ > begin;
}

bool JsonReader::starts_number() { return next() == '-' || (byte() >= '0' && byte() <= '9'); }

bool JsonReader::number(std::string* written) {
  next();
  const size_t begin = at_;
  if (byte() == '-') ++at_;
  if (byte() == '0')
    ++at_;
  else if (!digits())
    return false;
  if (byte() == '.') {
    ++at_;
    if (!digits()) return false;
  }
  if (byte() == 'e' || byte() == 'E') {
    ++at_;
    if (byte() == '+' || byte() == '-') ++at_;
    if (!digits()) return false;
  }
  if (written) written->append(text_, begin, at_ - begin);
  return true;
}

bool JsonReader::word(std::string_view word) {
  if (!text_.substr(at_).starts_with(word)) return false;
  at_ += word.size();
  return true;
}

bool JsonReader::simple() {
  if (next() == '"') return string(nullptr);
  if (starts_number()) return number(nullptr);
  return word("true") || word("false") || word("null");
}

bool JsonReader::any() {
  std::string open;  // the marks that close what is open, innermost last
  for (;;) {
    // A value, behind its name in an object.
    if (!open.empty() && open.back() == '}' && !(string(nullptr) && take(':'))) return false;
    const char first = next();
    if (first == '{' || first == '[') {
      ++at_;
      open.push_back(first == '{' ? '}' : ']');
      if (next() != open.back()) continue;  // to its first
    } else if (!simple()) {
      return false;
    }
    while (!open.empty() && take(open.back())) open.pop_back();
    if (open.empty()) return true;
    if (!take(',')) return false;
  }
}

}  // namespace stemma

#include "runtime/model/tokenizer/quick_split.h"

#include <array>
#include <bit>
#include <cstring>

#include "runtime/model/tokenizer/ascii_words.h"
#include "runtime/model/tokenizer/characters.h"
#include "runtime/model/utf8.h"

namespace stemma {

const std::string_view gpt2_pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const std::string_view cl100k_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string_view qwen2_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

using enum CharacterKind;

constexpr std::array<CharacterKind, 128> ascii_kinds = [] {
  std::array<CharacterKind, 128> kinds{};
  for (int c = 0; c < 128; ++c)
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
      kinds[c] = letter;
    else if (c >= '0' && c <= '9')
      kinds[c] = number;
    else if (c == ' ' || (c >= 9 && c <= 13))
      kinds[c] = space;
  return kinds;
}();

class Splitter {
 public:
  Splitter(std::string_view text, size_t at, std::span<TextRange> words)
      : begin_(text.data()), at_(begin_ + at), end_(begin_ + text.size()), words_(words) {}

  size_t gpt2() {
    return cut(gpt2_starts, false, [this](const char* at) {
      const char* word = at + (*at == ' ');
      const auto kind = kind_at(word);
      return word < end_ && kind != space ? run(word, kind) : spaces(at);
    });
  }

  size_t cl100k(int digits) {
    return cut([digits](const AsciiBytes& bytes) { return cl100k_starts(bytes, digits); }, true,
               [this, digits](const char* at) { return cl100k_word(at, digits); });
  }

 private:
  // `end_of_word`: of one that is no run of letters and no contraction.
  template <typename Starts, typename EndOfWord>
  size_t cut(const Starts& starts, bool any_case, const EndOfWord& end_of_word) const {
    size_t count = 0;
    auto put = [&](const char* at, const char* end) {
      words_[count++] = {static_cast<uint32_t>(at - begin_), static_cast<uint32_t>(end - begin_)};
      return end;
    };
    for (const char* at = at_; count < words_.size() && at < end_;) {
      if (uint64_t more = ascii_starts(at, starts, any_case)) {
        for (const char* const window = at; more && count < words_.size(); more &= more - 1)
          at = put(at, window + std::countr_zero(more));
        continue;
      }
      const char* end = letters(at);
      if (!end) end = contraction(at, any_case);
      at = put(at, end ? end : end_of_word(at));
    }
    return count;
  }

  // Where further words begin in the 64 bytes from a word on; 0: one by one.
  template <typename Starts>
  uint64_t ascii_starts(const char* at, const Starts& starts, bool any_case) const {
    if (end_ - at < 64 || ascii_length({at, 8}, 0) < 8) return 0;
    const AsciiBytes bytes(at);
    uint64_t found = starts(bytes);
    for (uint64_t quotes = bytes.quotes & (found | 1); found && quotes; quotes &= quotes - 1) {
      const int place = std::countr_zero(quotes);
      const char* end = contraction(at + place, any_case);
      if (end) found = (found & ~(uint64_t{2} << place)) | uint64_t{1} << (end - at);
    }
    return found & ~uint64_t{1};
  }

  static size_t length_at(const char* at) {
    const auto first = static_cast<unsigned char>(*at);
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  }
  CharacterKind kind_at(const char* at) const {
    if (at >= end_) return space;
    const auto first = static_cast<unsigned char>(*at);
    return first < 0x80 ? ascii_kinds[first] : kind_of(utf8_character({at, length_at(at)}, 0));
  }
  const char* run(const char* at, CharacterKind kind) const {
    while (at < end_ && kind_at(at) == kind) at += length_at(at);
    return at;
  }
  // The end of the word that is letters here, with or without a space before; nullptr: it is another, or near the end
  // of the text.
  const char* letters(const char* at) const {
    constexpr uint64_t each = 0x0101010101010101u, high = 0x80 * each;
    const char* const from = at;
    for (uint64_t eight; end_ - at > 8; at += 8) {
      std::memcpy(&eight, at, sizeof eight);
      const uint64_t lower = (eight | 0x20 * each) & ~high;
      uint64_t found = (lower + (0x80 - 'a') * each) & ~(lower + (0x7F - 'z') * each) & ~eight & high;
      if (at == from) {
        const bool space = (eight & 0xFF) == ' ';
        if (!(found & (space ? 0x8000 : 0x80))) return nullptr;
        found |= space ? 0x80 : 0;
      }
      if (found == high) continue;
      at += std::countr_zero(found ^ high) / 8;
      return static_cast<unsigned char>(*at) < 0x80 ? at : run(at, letter);
    }
    return at == from ? nullptr : run(at, letter);
  }
  static bool is_break(char c) { return c == '\r' || c == '\n'; }

  // 's 't 'm 'd 're 've 'll, and their capitals; nullptr: none here.
  const char* contraction(const char* at, bool any_case) const {
    if (*at != '\'' || at + 1 >= end_) return nullptr;
    auto lower = [&](const char* c) {
      return c >= end_ ? '\0' : any_case && *c >= 'A' && *c <= 'Z' ? static_cast<char>(*c + 32) : *c;
    };
    const char first = lower(at + 1), second = lower(at + 2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
    if ((first == 'r' || first == 'v') && second == 'e') return at + 3;
    if (first == 'l' && second == 'l') return at + 3;
    if (any_case && std::string_view(at + 1, end_).starts_with("\u017F")) return at + 3;  // the long s is an s
    return nullptr;
  }

  const char* cl100k_word(const char* at, int digits) const {
    const auto kind = kind_at(at);
    if (kind == letter) return run(at, letter);
    if (kind == number) {
      for (int i = 0; i < digits && at < end_ && kind_at(at) == number; ++i) at += length_at(at);
      return at;
    }
    const char* next = at + length_at(at);
    if (!is_break(*at) && next < end_ && kind_at(next) == letter) return run(next, letter);
    const char* symbols = *at == ' ' ? next : at;
    if (symbols < end_ && kind_at(symbols) == other) {
      const char* end = run(symbols, other);
      while (end < end_ && is_break(*end)) ++end;
      return end;
    }
    const char* end = run(at, space);
    for (const char* last = end; last > at; --last)
      if (is_break(last[-1])) return last;
    return spaces(at);
  }

  // \s+(?!\S)|\s+: the last space before a word is left to it, if it is not the only one.
  const char* spaces(const char* at) const {
    const char *last = at, *end = at;
    while (end < end_ && kind_at(end) == space) {
      last = end;
      end += length_at(end);
    }
    return end < end_ && last > at ? last : end;
  }

  const char *begin_, *at_, *end_;
  std::span<TextRange> words_;
};

}  // namespace

std::optional<PreTokenizer> quick_split(std::string_view pattern) {
  // The same words, as others write it.
  constexpr std::string_view possessive =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";
  constexpr std::string_view grouped = R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  const int digits = pattern == qwen2_pattern                             ? 1
                     : pattern == cl100k_pattern || pattern == possessive ? 3
                     : pattern == gpt2_pattern || pattern == grouped      ? 0
                                                                          : -1;
  if (digits < 0) return {};
  return PreTokenizer([digits](std::string_view text, size_t at, std::span<TextRange> words) {
    Splitter splitter(text, at, words);
    return digits ? splitter.cl100k(digits) : splitter.gpt2();
  });
}

}  // namespace stemma

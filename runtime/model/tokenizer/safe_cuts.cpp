#include "runtime/model/tokenizer/safe_cuts.h"

#include <algorithm>
#include <array>
#include <memory>
#include <unordered_set>

#include "runtime/model/tokenizer/byte_alphabet.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

constexpr char32_t invalid = 0x1A;  // what valid_utf8 has for a byte that is not UTF-8
constexpr char32_t lower_block = 0x2581;

// Characters that some token has side by side.
class Neighbours {
 public:
  void add(std::string_view token) {
    for (size_t at = 0, before = none; at < token.size();) {
      const auto [here, length] = character_at(token, at);
      if (before != none) add(static_cast<char32_t>(before), here);
      before = here;
      at += length;
    }
  }
  // The end of the word that begins at `at`.
  size_t end_of_word(std::string_view text, size_t at, bool anywhere) const {
    auto [before, first] = character_at(text, at);
    for (at += first; at < text.size();) {
      const auto [here, length] = character_at(text, at);
      if ((anywhere || here == lower_block) && !contains(before, here)) break;
      before = here;
      at += length;
    }
    return at;
  }

 private:
  static constexpr size_t none = ~size_t{0}, near = 129;  // ASCII and U+2581, which is in most words

  static std::pair<char32_t, size_t> character_at(std::string_view text, size_t at) {
    if (static_cast<uint8_t>(text[at]) < 0x80) return {static_cast<char32_t>(text[at]), 1};
    if (text.substr(at, underscore.size()) == underscore) return {lower_block, underscore.size()};
    const size_t length = utf8_length(text, at);
    return length ? std::pair(utf8_character(text, at), length) : std::pair(invalid, size_t{1});
  }
  static size_t row(char32_t character) {
    return character < 0x80 ? character : character == lower_block ? 0x80 : near;
  }
  static uint64_t key(char32_t left, char32_t right) { return uint64_t{left} << 32 | right; }

  void add(char32_t left, char32_t right) {
    if (row(left) < near && row(right) < near)
      near_[row(left) * near + row(right)] = true;
    else
      others_.insert(key(left, right));
  }
  bool contains(char32_t left, char32_t right) const {
    return row(left) < near && row(right) < near ? near_[row(left) * near + row(right)]
                                                 : others_.contains(key(left, right));
  }

  std::array<bool, near * near> near_{};
  std::unordered_set<uint64_t> others_;
};

// Every character is a token or bytes, and bytes are not merged: then no token comes of two characters but by a merge.
bool has_all_bytes_apart(const Vocabulary& vocabulary, const BytePairPlan& plan) {
  if (!plan.falls_back_to_bytes) return false;
  for (int byte = 0; byte < 256; ++byte)
    if (vocabulary.find(token_of_byte(static_cast<uint8_t>(byte))) < 0) return false;
  return std::none_of(plan.merges.begin(), plan.merges.end(), [&](const Merge& merge) {
    return byte_of_token(vocabulary.spelling(merge.left)) || byte_of_token(vocabulary.spelling(merge.right));
  });
}

}  // namespace

std::optional<PreTokenizer> safe_cuts(const Vocabulary& vocabulary, const BytePairPlan& plan) {
  if (plan.ignores_merges || !plan.continuing.empty() || !plan.end_of_word.empty()) return {};
  const bool anywhere = has_all_bytes_apart(vocabulary, plan);
  if (!anywhere && vocabulary.find(underscore) < 0) return {};
  auto joined = std::make_shared<Neighbours>();
  for (const Merge& merge : plan.merges) joined->add(vocabulary.spelling(merge.result));
  return PreTokenizer([joined, anywhere](std::string_view text, size_t at, std::span<TextRange> words) {
    size_t count = 0;
    while (count < words.size() && at < text.size()) {
      const size_t end = joined->end_of_word(text, at, anywhere);
      words[count++] = {static_cast<uint32_t>(at), static_cast<uint32_t>(end)};
      at = end;
    }
    return count;
  });
}

}  // namespace stemma

#include "runtime/model/tokenizer/safe_cuts.h"

#include <algorithm>
#include <bitset>
#include <memory>
#include <unordered_set>

#include "runtime/model/tokenizer/byte_alphabet.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

constexpr char32_t invalid = 0x110000;  // stands for a byte that is not UTF-8
constexpr char32_t space = 0x2581;

// Calls each(at, before, here) at every character but the first.
template <typename Each>
void visit(std::string_view text, const Each& each) {
  char32_t before = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t length = static_cast<uint8_t>(text[at]) < 0x80 ? 1 : utf8_length(text, at);
    const char32_t here = length ? utf8_character(text, at) : invalid;
    if (at > 0) each(at, before, here);
    before = here;
    at += length ? length : 1;
  }
}

// Characters that some token has side by side.
class Neighbours {
 public:
  void add(char32_t left, char32_t right) {
    if (left < 128 && right < 128)
      ascii_[left * 128 + right] = true;
    else
      others_.insert(key(left, right));
  }
  bool contains(char32_t left, char32_t right) const {
    return left < 128 && right < 128 ? ascii_[left * 128 + right] : others_.contains(key(left, right));
  }

 private:
  static uint64_t key(char32_t left, char32_t right) { return uint64_t{left} << 32 | right; }
  std::bitset<128 * 128> ascii_;
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
  auto joined = std::make_shared<Neighbours>();
  for (const Merge& merge : plan.merges)
    visit(vocabulary.spelling(merge.result), [&](size_t, char32_t left, char32_t right) { joined->add(left, right); });
  const bool anywhere = has_all_bytes_apart(vocabulary, plan);
  if (!anywhere && vocabulary.find(underscore) < 0) return {};
  return [joined, anywhere](Pieces& pieces) {
    std::vector<TextRange> finer;
    const std::string_view text = pieces.text().text;
    for (const TextRange& piece : pieces.ranges) {
      uint32_t begin = piece.begin;
      visit(text.substr(piece.begin, piece.end - piece.begin), [&](size_t at, char32_t left, char32_t right) {
        if ((!anywhere && right != space) || joined->contains(left, right)) return;
        const auto end = static_cast<uint32_t>(piece.begin + at);
        finer.push_back({begin, end});
        begin = end;
      });
      finer.push_back({begin, piece.end});
    }
    pieces.ranges = std::move(finer);
  };
}

}  // namespace stemma

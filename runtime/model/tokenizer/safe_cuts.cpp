#include "runtime/model/tokenizer/safe_cuts.h"

#include <memory>
#include <unordered_set>

#include "runtime/model/tokenizer/byte_alphabet.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

// The character that ends at `end`, which is not 0; an invalid byte is past all characters.
char32_t character_before(std::string_view text, size_t end) {
  for (size_t length = 1; length <= 4 && length <= end; ++length)
    if (utf8_length(text, end - length) == length) return utf8_character(text, end - length);
  return 0x110000;
}

}  // namespace

std::optional<PreTokenizer> safe_cuts(const Vocabulary& vocabulary, const BytePairPlan& plan) {
  if (plan.ignores_merges || !plan.continuing.empty() || !plan.end_of_word.empty() || vocabulary.find(underscore) < 0)
    return {};
  auto joined = std::make_shared<std::unordered_set<char32_t>>();  // characters that a token has before U+2581
  for (const Merge& merge : plan.merges) {
    const std::string_view token = vocabulary.spelling(merge.result);
    for (size_t at = token.find(underscore, 1); at != std::string_view::npos; at = token.find(underscore, at + 1))
      joined->insert(character_before(token, at));
  }
  return [joined](Pieces& pieces) {
    std::vector<TextRange> finer;
    const std::string_view text = pieces.text().text;
    for (const TextRange& piece : pieces.ranges) {
      uint32_t begin = piece.begin;
      for (size_t at = text.find(underscore, begin + 1); at < piece.end; at = text.find(underscore, at + 1)) {
        if (joined->contains(character_before(text, at))) continue;
        finer.push_back({begin, static_cast<uint32_t>(at)});
        begin = static_cast<uint32_t>(at);
      }
      finer.push_back({begin, piece.end});
    }
    pieces.ranges = std::move(finer);
  };
}

}  // namespace stemma

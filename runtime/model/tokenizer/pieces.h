// A text being cut into words.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/model/tokenizer/normal_text.h"
#include "runtime/model/tokenizer/word_pattern.h"

namespace stemma {

class Pieces {
 public:
  // One piece, the whole; `begins_text`: nothing of the user's text stands before it.
  Pieces(NormalText text, bool begins_text);

  const NormalText& text() const { return text_; }
  // Of the same length and valid UTF-8: bytes that are not are SUB here.
  std::string_view valid() const { return valid_.empty() ? text_.text() : valid_; }
  std::string_view bytes(TextRange piece) const { return text_.text().substr(piece.begin, piece.end - piece.begin); }
  bool begins_text(TextRange piece) const { return begins_text_ && text_.origin(piece.begin) == 0; }

  std::vector<TextRange> ranges;  // in order, none empty, not overlapping; what lies between is dropped

  // Every piece written anew by `write(piece, rewriter)`.
  void rewrite(const std::function<void(TextRange, Rewriter&)>& write);

 private:
  NormalText text_;
  std::string valid_;
  bool begins_text_;
};

// Cuts what follows `at` into words without gaps: writes as many as there are, or as `words` takes, and returns how
// many. The text is valid UTF-8; nothing before `at` matters.
using WordScanner = std::function<size_t(std::string_view text, size_t at, std::span<TextRange> words)>;

// A step that cuts pieces finer or writes them anew.
class PreTokenizer {
 public:
  template <std::invocable<Pieces&> Cut>
  PreTokenizer(Cut cut) : cut_(std::move(cut)) {}
  explicit PreTokenizer(WordScanner scanner) : scanner_(std::move(scanner)) {}

  void operator()(Pieces& pieces) const;
  const WordScanner& scanner() const { return scanner_; }  // empty: the step is not one

 private:
  std::function<void(Pieces&)> cut_;
  WordScanner scanner_;
};

// Calls take(words) with all words of the pieces in order, `words.size()` at a time.
template <typename Take>
void scan(const Pieces& pieces, const WordScanner& scanner, std::span<TextRange> words, const Take& take) {
  size_t filled = 0;
  for (const TextRange& piece : pieces.ranges) {
    const std::string_view text = pieces.valid().substr(0, piece.end);
    for (size_t at = piece.begin; at < piece.end;) {
      filled += scanner(text, at, words.subspan(filled));
      at = words[filled - 1].end;
      if (filled == words.size()) take(std::exchange(filled, 0));
    }
  }
  take(filled);
}

}  // namespace stemma

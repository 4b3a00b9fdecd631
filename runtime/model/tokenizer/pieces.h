// A text being cut into words.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
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
  std::string_view valid() const { return valid_.empty() ? std::string_view(text_.text) : valid_; }
  std::string_view bytes(TextRange piece) const {
    return std::string_view(text_.text).substr(piece.begin, piece.end - piece.begin);
  }
  bool begins_text(TextRange piece) const {
    return begins_text_ && text_.origin(piece.begin) == 0;
  }

  std::vector<TextRange> ranges;  // in order, none empty, not overlapping; what lies between is dropped

  // Every piece written anew by `write(piece, rewriter)`.
  void rewrite(const std::function<void(TextRange, Rewriter&)>& write);

 private:
  NormalText text_;
  std::string valid_;
  bool begins_text_;
};

using PreTokenizer = std::function<void(Pieces&)>;

}  // namespace stemma

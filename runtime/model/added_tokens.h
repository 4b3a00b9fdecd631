// Finding added tokens (<|endoftext|>, <think>) in a text before it is cut into words.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "runtime/model/tokenizer_file.h"

namespace stemma {

class AddedTokens {
 public:
  explicit AddedTokens(std::vector<AddedToken> tokens);

  struct Piece {
    size_t begin, end;  // bytes of the text
    int32_t id;         // -1: plain text
  };
  // All of the text in order: the leftmost token first, the longest of those that begin there.
  std::vector<Piece> find(std::string_view text) const;
  bool empty() const { return tokens_.empty(); }

 private:
  std::vector<AddedToken> tokens_;                          // by first byte, then longest first
  std::array<std::pair<uint32_t, uint32_t>, 256> range_{};  // of tokens_ with that first byte
};

}  // namespace stemma

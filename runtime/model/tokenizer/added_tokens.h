// Special and added tokens, found in text before it is cut into words.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stemma {

struct AddedToken {
  int32_t id = -1;
  std::string content;
  bool special = false;
  bool normalized = false;                         // looked for in the normalised text, not in the original
  bool strips_left = false, strips_right = false;  // takes the white space beside it
  bool is_normal = false;                          // its content needs no normalizer
  bool single_word = false;                        // only between what are no word characters
};

class AddedTokens {
 public:
  explicit AddedTokens(std::vector<AddedToken> tokens);

  struct Piece {
    size_t begin, end;  // bytes of the text
    int32_t id;         // -1: plain text
  };
  // All of the text in order: the leftmost token first, the longest of those that begin there. Tokens overlap where one
  // took the space that another is made of.
  std::vector<Piece> find(std::string_view text) const;
  bool empty() const { return tokens_.empty(); }
  // The longest that `text`, which is not empty, begins with; nullptr: none.
  const AddedToken* at(std::string_view text) const;

 private:
  size_t next(std::string_view text, size_t at) const;

  std::vector<AddedToken> tokens_;                          // by first byte, then longest first
  std::array<std::pair<uint32_t, uint32_t>, 256> range_{};  // of tokens_ with that first byte
  std::bitset<65536> begin_;                                // by the first two bytes, whether there are any
  std::vector<std::array<char, 2>> beginnings_;             // those bytes; none: too many to look for one by one
};

}  // namespace stemma

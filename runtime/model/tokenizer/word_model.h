// What turns one word into tokens. Thread-safe.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace stemma {

struct TokenSpan {
  int32_t id;      // -1: what no token stands for
  uint32_t bytes;  // of the text it stands for
};

class WordModel {
 public:
  virtual ~WordModel() = default;
  // Appends the tokens of `word`; their bytes add up to its size.
  virtual void encode(std::string_view word, std::vector<TokenSpan>& spans) const = 0;
  virtual const char* kind() const = 0;  // "byte-level BPE"
};

}  // namespace stemma

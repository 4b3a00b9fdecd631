// Byte-pair merging: the pair of the lowest rank first, the leftmost of equals.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/model/tokenizer_file.h"

namespace stemma {

struct TokenSpan {
  int32_t id;
  uint32_t bytes;  // of the text it stands for
};

class BytePairs {
 public:
  explicit BytePairs(const std::vector<Merge>& merges);
  // In place, n log n. Safe to call from several threads.
  void merge(std::vector<TokenSpan>& symbols) const;

 private:
  struct Slot {
    uint64_t pair = empty;
    uint32_t rank = 0;
    int32_t result = -1;
  };
  static constexpr uint64_t empty = ~uint64_t{0};
  const Slot* find(int32_t left, int32_t right) const;

  std::vector<Slot> slots_;  // open addressing, a power of two
};

}  // namespace stemma

// Pair merging: the pair of the lowest rank first, the leftmost of equals (Sennrich et al. 2016).
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/model/tokenizer/word_model.h"

namespace stemma {

struct Merge {
  int32_t left, right, result;
  uint32_t rank;
};

class BytePairs {
 public:
  BytePairs() : BytePairs(std::vector<Merge>{}) {}
  explicit BytePairs(const std::vector<Merge>& merges);  // of a pair given twice the last counts
  // In place; n log n, or faster where few. Safe to call from several threads.
  void merge(std::vector<TokenSpan>& symbols) const;

 private:
  struct Slot {
    uint64_t pair = empty;
    uint32_t rank = 0;
    int32_t result = -1;
  };
  static constexpr uint64_t empty = ~uint64_t{0};
  const Slot* find(int32_t left, int32_t right) const;
  const Slot* look_up(int32_t left, int32_t right) const;
  void merge_few(std::vector<TokenSpan>& symbols) const;
  void merge_many(std::vector<TokenSpan>& symbols) const;

  static bool is_low(int32_t id) { return static_cast<uint32_t>(id) < low; }
  static constexpr uint32_t low = 384;  // ids below are looked up in a square: bytes are there, as a rule

  std::vector<Slot> slots_;        // open addressing, a power of two
  std::vector<uint32_t> low_ids_;  // (low, low) places in slots_ and 1; 0: never merged
};

}  // namespace stemma

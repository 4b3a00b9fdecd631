// The tokens of words that come again and again: one table a thread, of fixed size, without locks or allocations.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/model/tokenizer/word_model.h"

namespace stemma {

class WordCache {
 public:
  static constexpr size_t longest_word = 24, most_tokens = 6;

  struct alignas(64) Entry {  // one line of the processor's cache
    uint32_t owner = 0;       // a tokenizer's number; 0: nothing here
    uint8_t size = 0, count = 0;
    std::array<char, longest_word> word{};
    std::array<int32_t, most_tokens> ids{};
    std::array<uint8_t, most_tokens> bytes{};
  };

  // This thread's table.
  static WordCache& of_thread();
  // The word's place, one of two; what stands there may be another's.
  Entry& place(std::string_view word, uint32_t owner) {
    uint64_t hash = owner * 0x9E3779B97F4A7C15u + word.size();
    for (size_t at = 0; at < word.size(); at += 8) hash = mix(hash ^ part(word, at));
    Entry* pair = &entries_[hash % entries & ~size_t{1}];
    if (holds(pair[0], word, owner)) return pair[0];
    if (holds(pair[1], word, owner)) return pair[1];
    return pair[(hash >> 40) & 1];
  }
  static bool holds(const Entry& entry, std::string_view word, uint32_t owner) {
    return entry.owner == owner && word == std::string_view(entry.word.data(), entry.size);
  }
  void keep(Entry& entry, std::string_view word, uint32_t owner, std::span<const TokenSpan> tokens);

 private:
  static constexpr size_t entries = 1 << 16;
  static uint64_t mix(uint64_t value) {
    value *= 0xD6E8FEB86659FD93u;
    return value ^ (value >> 32);
  }
  static uint64_t part(std::string_view word, size_t at) {
    uint64_t value = 0;
    __builtin_memcpy(&value, word.data() + at, std::min<size_t>(8, word.size() - at));
    return value;
  }

  std::vector<Entry> entries_ = std::vector<Entry>(entries);
};

}  // namespace stemma

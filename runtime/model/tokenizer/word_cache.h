// The tokens of words that come again and again: one table a thread, of fixed size, without locks or allocations.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/model/tokenizer/word_model.h"

namespace stemma {

class WordCache {
 public:
  static constexpr size_t longest_word = 31, most_tokens = 5;

  // A word's bytes, then zeros, then its size in the last byte: compared and scattered as numbers, whatever its size.
  using Key = std::array<uint64_t, 4>;

  struct alignas(64) Entry {  // one line of the processor's cache
    Key key{};
    uint32_t owner = 0;  // a tokenizer's number; 0: nothing here
    std::array<int32_t, most_tokens> ids{};
    std::array<uint8_t, most_tokens> bytes{};
    uint8_t count = 0;
  };

  struct Place {
    Key key;
    Entry* entry;  // the first of those it may be at; nullptr: too long a word to be kept
  };

  // This thread's table.
  static WordCache& of_thread();
  // Where the `size` bytes of `text` at `begin` are or would be; asks the processor to fetch it.
  Place place(std::string_view text, size_t begin, size_t size, uint32_t owner) {
    if (size > longest_word) return {{}, nullptr};
    const Key key = key_of(text, begin, size);
    Entry* entry = &entries_[scatter(key, owner)];
    __builtin_prefetch(entry);
    return {key, entry};
  }
  // nullptr: not there.
  const Entry* find(const Place& place, uint32_t owner) const {
    if (!place.entry || holds(*place.entry, place.key, owner)) return place.entry;
    for (size_t i = 1; i < ways; ++i)
      if (const Entry& other = entries_[neighbour(place, i)]; holds(other, place.key, owner)) return &other;
    return nullptr;
  }
  // nullptr: these are not kept.
  const Entry* keep(const Place& place, uint32_t owner, std::span<const TokenSpan> tokens);

 private:
  static constexpr size_t entries = 1 << 16, ways = 4;

  static Key key_of(std::string_view text, size_t begin, size_t size) {
    Key key{};
    if (text.size() - begin < sizeof(Key)) {
      std::memcpy(key.data(), text.data() + begin, size);
    } else {
      std::memcpy(key.data(), text.data() + begin, sizeof(Key));
      for (size_t i = 0; i < key.size(); ++i) key[i] &= masks[size][i];
    }
    key.back() |= static_cast<uint64_t>(size) << 56;
    return key;
  }
  static bool holds(const Entry& entry, const Key& key, uint32_t owner) {
    uint64_t differences = entry.owner ^ owner;
    for (size_t i = 0; i < key.size(); ++i) differences |= entry.key[i] ^ key[i];
    return differences == 0;
  }
  static size_t scatter(const Key& key, uint32_t owner) {
    uint64_t sum = owner * 0x9E3779B97F4A7C15u + key[0] * 0xD6E8FEB86659FD93u + key[1] * 0xA0761D6478BD642Fu +
                   key[2] * 0xE7037ED1A0B428DBu + key[3] * 0x8EBC6AF09C88C6E3u;
    sum = (sum ^ (sum >> 32)) * 0x589965CC75374CC3u;
    return sum >> 48;
  }
  size_t neighbour(const Place& place, size_t way) const {
    return static_cast<size_t>(place.entry - entries_.data()) ^ way;
  }

  static constexpr std::array<Key, longest_word + 1> masks = [] {
    std::array<Key, longest_word + 1> all{};
    for (size_t size = 0; size <= longest_word; ++size)
      for (size_t byte = 0; byte < size; ++byte) all[size][byte / 8] |= uint64_t{0xFF} << (byte % 8 * 8);
    return all;
  }();

  size_t next_victim_ = 0;
  std::vector<Entry> entries_ = std::vector<Entry>(entries);
};

}  // namespace stemma

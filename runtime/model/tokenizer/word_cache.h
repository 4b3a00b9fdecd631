// The tokens of words that come again and again: tables of fixed size, one set a thread, without locks or allocations.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "runtime/model/tokenizer/word_model.h"

namespace stemma {

// Words of fewer than 8 `parts` bytes that become at most `most` tokens.
template <size_t parts, size_t most, bool has_sizes>
class WordTable {
 public:
  static constexpr size_t longest = 8 * parts - 1;

  // A word's bytes, then zeros, then its size in the last byte: compared and scattered as numbers, whatever its size.
  using Key = std::array<uint64_t, parts>;
  struct Nothing {};
  using Sizes = std::conditional_t<has_sizes, std::array<uint8_t, most>, Nothing>;

  struct alignas(32 * (parts / 2)) Entry {  // within one line of the processor's cache
    Key key{};
    uint32_t owner = 0;  // a tokenizer's number, times 8, and the count of tokens; 0: nothing here
    std::array<int32_t, most> ids{};
    [[no_unique_address]] Sizes sizes{};  // bytes of each

    size_t count() const { return owner % 8; }
  };
  struct Place {
    Key key;
    Entry* entry;  // the first of those it may be at
  };

  // Where the `size` bytes of `text` at `begin` are or would be; asks the processor to fetch it.
  Place place(std::string_view text, size_t begin, size_t size, uint32_t owner) {
    const Key key = key_of(text, begin, size);
    Entry* entry = &entries_[scatter(key, owner)];
    __builtin_prefetch(entry);
    return {key, entry};
  }
  // nullptr: not there.
  const Entry* find(const Place& place, uint32_t owner) const {
    if (holds(*place.entry, place.key, owner)) return place.entry;
    for (size_t i = 1; i < ways; ++i)
      if (const Entry& other = entries_[neighbour(place, i)]; holds(other, place.key, owner)) return &other;
    return nullptr;
  }
  // False where these are not kept here; the entry then has a count of 0.
  bool keep(const Place& place, uint32_t owner, std::span<const TokenSpan> tokens) {
    const bool all = std::all_of(tokens.begin(), tokens.end(), [](TokenSpan token) { return token.id >= 0; });
    const size_t count = all && tokens.size() <= most ? tokens.size() : 0;
    size_t way = 0;
    while (way < ways && entries_[neighbour(place, way)].owner) ++way;
    if (way == ways) way = next_victim_++ % ways;
    Entry& entry = entries_[neighbour(place, way)];
    entry.key = place.key;
    entry.owner = owner * 8 + static_cast<uint32_t>(count);
    for (size_t i = 0; i < count; ++i) {
      entry.ids[i] = tokens[i].id;
      if constexpr (has_sizes) entry.sizes[i] = static_cast<uint8_t>(tokens[i].bytes);
    }
    return count > 0;
  }

 private:
  static constexpr size_t entries = 1 << 17, ways = 4;
  static_assert(most < 8 && sizeof(Entry) == 16 * parts);

  static Key key_of(std::string_view text, size_t begin, size_t size) {
    Key key{};
    if (text.size() - begin < sizeof(Key)) {
      std::memcpy(key.data(), text.data() + begin, size);
    } else {
      std::memcpy(key.data(), text.data() + begin, sizeof(Key));
      for (size_t i = 0; i < parts; ++i) key[i] &= masks[size][i];
    }
    key.back() |= static_cast<uint64_t>(size) << 56;
    return key;
  }
  static bool holds(const Entry& entry, const Key& key, uint32_t owner) {
    uint64_t differences = entry.owner / 8 ^ owner;
    for (size_t i = 0; i < parts; ++i) differences |= entry.key[i] ^ key[i];
    return differences == 0;
  }
  static size_t scatter(const Key& key, uint32_t owner) {
    constexpr std::array<uint64_t, 4> factors = {0xD6E8FEB86659FD93u, 0xA0761D6478BD642Fu, 0xE7037ED1A0B428DBu,
                                                 0x8EBC6AF09C88C6E3u};
    uint64_t sum = owner;
    for (size_t i = 0; i < parts; ++i) sum += key[i] * factors[i];
    return ((sum ^ (sum >> 32)) * 0x589965CC75374CC3u) >> 47;
  }
  size_t neighbour(const Place& place, size_t way) const {
    return static_cast<size_t>(place.entry - entries_.data()) ^ way;
  }

  static constexpr std::array<Key, longest + 1> masks = [] {
    std::array<Key, longest + 1> all{};
    for (size_t size = 0; size <= longest; ++size)
      for (size_t byte = 0; byte < size; ++byte) all[size][byte / 8] |= uint64_t{0xFF} << (byte % 8 * 8);
    return all;
  }();

  size_t next_victim_ = 0;
  std::vector<Entry> entries_ = std::vector<Entry>(entries);
};

struct WordCache {
  using Short = WordTable<2, 3, false>;  // nearly all words, in half the memory
  using Long = WordTable<4, 5, true>;    // others, and where offsets are asked for

  Short short_words;
  Long long_words;

  static WordCache& of_thread() {
    thread_local WordCache cache;
    return cache;
  }
};

}  // namespace stemma

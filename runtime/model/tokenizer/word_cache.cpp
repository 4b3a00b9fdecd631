#include "runtime/model/tokenizer/word_cache.h"

#include <algorithm>

namespace stemma {

WordCache& WordCache::of_thread() {
  thread_local WordCache cache;
  return cache;
}

const WordCache::Entry* WordCache::keep(const Place& place, uint32_t owner, std::span<const TokenSpan> tokens) {
  const bool without = std::any_of(tokens.begin(), tokens.end(), [](TokenSpan token) { return token.id < 0; });
  if (!place.entry || tokens.size() > most_tokens || without) return nullptr;
  size_t way = 0;
  while (way < ways && entries_[neighbour(place, way)].owner) ++way;
  if (way == ways) way = next_victim_++ % ways;
  Entry& entry = entries_[neighbour(place, way)];
  entry.key = place.key;
  entry.owner = owner;
  entry.count = static_cast<uint8_t>(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    entry.ids[i] = tokens[i].id;
    entry.bytes[i] = static_cast<uint8_t>(tokens[i].bytes);
  }
  return &entry;
}

}  // namespace stemma

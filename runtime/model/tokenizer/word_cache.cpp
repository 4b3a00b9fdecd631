#include "runtime/model/tokenizer/word_cache.h"

#include <algorithm>

namespace stemma {

WordCache& WordCache::of_thread() {
  thread_local WordCache cache;
  return cache;
}

void WordCache::keep(Entry& entry, std::string_view word, uint32_t owner, std::span<const TokenSpan> tokens) {
  if (tokens.size() > most_tokens) return;
  entry.owner = owner;
  entry.size = static_cast<uint8_t>(word.size());
  entry.count = static_cast<uint8_t>(tokens.size());
  std::copy(word.begin(), word.end(), entry.word.begin());
  for (size_t i = 0; i < tokens.size(); ++i) {
    entry.ids[i] = tokens[i].id;
    entry.bytes[i] = static_cast<uint8_t>(tokens[i].bytes);
  }
}

}  // namespace stemma

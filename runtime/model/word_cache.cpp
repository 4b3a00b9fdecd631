#include "runtime/model/word_cache.h"

namespace stemma {

bool WordCache::find(std::string_view word, std::vector<TokenSpan>& append_to) {
  if (word.size() > longest_word) return false;
  Shard& shard = shard_of(word);
  const std::lock_guard lock(shard.mutex);
  const auto place = shard.words.find(word);
  if (place == shard.words.end()) return false;
  append_to.insert(append_to.end(), place->second.begin(), place->second.end());
  return true;
}

void WordCache::keep(std::string_view word, const std::vector<TokenSpan>& tokens) {
  if (word.size() > longest_word) return;
  Shard& shard = shard_of(word);
  const std::lock_guard lock(shard.mutex);
  if (shard.words.size() >= words_per_shard) shard.words.clear();
  shard.words.emplace(word, tokens);
}

}  // namespace stemma

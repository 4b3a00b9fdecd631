// The tokens of words that come again and again; bounded, shared by threads.
#pragma once

#include <array>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/model/byte_pairs.h"

namespace stemma {

class WordCache {
 public:
  bool find(std::string_view word, std::vector<TokenSpan>& append_to);
  void keep(std::string_view word, const std::vector<TokenSpan>& tokens);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, std::vector<TokenSpan>, Hash, std::equal_to<>> words;
  };
  static constexpr size_t longest_word = 64, words_per_shard = 8192;
  Shard& shard_of(std::string_view word) { return shards_[Hash()(word) % shards_.size()]; }

  std::array<Shard, 16> shards_;
};

}  // namespace stemma

// The tokens of a tokenizer: spellings and ids.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace stemma {

class Vocabulary {
 public:
  // False, and nothing done, where the id or the spelling is taken by another.
  bool add(std::string spelling, int32_t id);
  // Also where the spelling is another's, who keeps it: this id is then only ever decoded.
  bool add_twin(std::string spelling, int32_t id);
  int32_t find(std::string_view spelling) const;  // -1: none
  const std::string& spelling(int32_t id) const { return spellings_[static_cast<size_t>(id)]; }
  bool has(int32_t id) const { return id >= 0 && id < size() && used_[static_cast<size_t>(id)]; }
  int32_t size() const { return static_cast<int32_t>(spellings_.size()); }  // one past the largest id

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::vector<std::string> spellings_;
  std::vector<bool> used_;
  std::unordered_map<std::string, int32_t, Hash, std::equal_to<>> ids_;
};

}  // namespace stemma

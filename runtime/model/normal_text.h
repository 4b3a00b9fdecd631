// Text as a tokenizer sees it, and where each byte of it came from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stemma {

struct NormalText {
  std::string text;
  std::vector<uint32_t> origins;  // (text.size()+1), not falling: offsets in the original; empty: the same offsets

  uint32_t origin(size_t at) const { return origins.empty() ? static_cast<uint32_t>(at) : origins[at]; }
};

// Canonical composition (NFC). What is not UTF-8 stays as it is; an offset inside what changed is that of its
// beginning.
NormalText composed(std::string_view text);

}  // namespace stemma

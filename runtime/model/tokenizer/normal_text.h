// Text as a tokenizer sees it, and where each byte of it came from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stemma {

struct NormalText {
  std::string_view original;                // must outlive this
  bool has_origins = true;                  // false: nobody will ask for them, and they are not kept
  std::optional<std::string> written = {};  // nothing: the text is the original
  std::vector<uint32_t> origins = {};       // (size+1), not falling: offsets in the original; empty: the same offsets

  std::string_view text() const { return written ? std::string_view(*written) : original; }
  uint32_t origin(size_t at) const { return origins.empty() ? static_cast<uint32_t>(at) : origins[at]; }
};

// Writes a new text out of parts of an old one, from its beginning to its end.
class Rewriter {
 public:
  explicit Rewriter(const NormalText& from);  // which must outlive this
  void keep(size_t begin, size_t end);
  void put(std::string_view text, size_t at);  // stands for what begins at `at`
  size_t size() const { return to_.written->size(); }
  NormalText finish(size_t end);  // the origin of the end; leaves nothing here

 private:
  const NormalText& from_;
  NormalText to_;
};

enum class NormalForm { nfc, nfd, nfkc, nfkd };

// The Unicode normal form. What is not UTF-8 stays as it is; an offset inside what changed is that of its beginning.
void bring_to(NormalForm form, NormalText& text);

}  // namespace stemma

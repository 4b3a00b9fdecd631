#include "runtime/model/tokenizer/pieces.h"

#include <array>

#include "runtime/model/utf8.h"

namespace stemma {

Pieces::Pieces(NormalText text, bool begins_text)
    : text_(std::move(text)), valid_(valid_utf8(text_.text())), begins_text_(begins_text) {
  if (!text_.text().empty()) ranges.push_back({0, static_cast<uint32_t>(text_.text().size())});
}

void Pieces::rewrite(const std::function<void(TextRange, Rewriter&)>& write) {
  Rewriter to(text_);
  std::vector<TextRange> written;
  written.reserve(ranges.size());
  for (const TextRange& piece : ranges) {
    const auto begin = static_cast<uint32_t>(to.size());
    write(piece, to);
    if (to.size() > begin) written.push_back({begin, static_cast<uint32_t>(to.size())});
  }
  text_ = to.finish(text_.text().size());
  valid_ = valid_utf8(text_.text());
  ranges = std::move(written);
}

void PreTokenizer::operator()(Pieces& pieces) const {
  if (!scanner_) return cut_(pieces);
  std::vector<TextRange> words;
  std::array<TextRange, 64> some;
  scan(pieces, scanner_, some,
       [&](size_t count) { words.insert(words.end(), some.begin(), some.begin() + static_cast<ptrdiff_t>(count)); });
  pieces.ranges = std::move(words);
}

}  // namespace stemma

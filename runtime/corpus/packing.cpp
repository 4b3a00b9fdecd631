#include "runtime/corpus/packing.h"

#include <algorithm>

namespace stemma {

std::vector<int32_t> document_tokens(const Tokenizer& tokenizer, std::string_view text, int context) {
  const std::vector<int32_t> inner = tokenizer.encode(text);
  const auto most = static_cast<size_t>(context);
  std::vector<int32_t> tokens;
  tokens.reserve(std::min(inner.size() + 2, most));  // no more memory than is kept
  if (tokenizer.bos() >= 0) tokens.push_back(tokenizer.bos());
  tokens.insert(tokens.end(), inner.begin(), inner.begin() + static_cast<ptrdiff_t>(std::min(inner.size(), most)));
  if (tokenizer.eos() >= 0) tokens.push_back(tokenizer.eos());
  if (tokens.size() > most) tokens.resize(most);
  return tokens;
}

void LabelledBatch::add(const std::vector<int32_t>& document) {
  batch.add({document.begin(), document.end() - 1});
  targets.insert(targets.end(), document.begin() + 1, document.end());
}

std::vector<int64_t> pack(const std::vector<std::vector<int32_t>>& documents, const std::vector<int32_t>& order,
                          int64_t budget) {
  std::vector<int64_t> borders = {0};
  int64_t used = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const auto tokens = static_cast<int64_t>(documents[order[i]].size());
    if (used > 0 && used + tokens > budget) {
      borders.push_back(static_cast<int64_t>(i));
      used = 0;
    }
    used += tokens;
  }
  if (!order.empty()) borders.push_back(static_cast<int64_t>(order.size()));
  return borders;
}

}  // namespace stemma

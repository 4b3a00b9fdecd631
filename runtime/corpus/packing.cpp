#include "runtime/corpus/packing.h"

namespace stemma {

std::vector<int32_t> document_tokens(const Tokenizer& tokenizer, std::string_view text, int context) {
  std::vector<int32_t> tokens = tokenizer.encode(text);
  if (tokenizer.bos() >= 0) tokens.insert(tokens.begin(), tokenizer.bos());
  if (tokenizer.eos() >= 0) tokens.push_back(tokenizer.eos());
  if (static_cast<int>(tokens.size()) > context) tokens.resize(static_cast<size_t>(context));
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

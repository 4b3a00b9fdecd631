#include "runtime/influence/scan/two_stage.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <set>

#include "runtime/influence/scan/rescore.h"

namespace stemma {

std::vector<int32_t> extreme(const float* scores, size_t documents, size_t n, float sign) {
  std::vector<int32_t> order(documents);
  std::iota(order.begin(), order.end(), 0);
  n = std::min(n, documents);
  std::partial_sort(
      order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n), order.end(),
      [&](int32_t a, int32_t b) { return scores[a] != scores[b] ? sign * scores[a] > sign * scores[b] : a < b; });
  order.resize(n);
  return order;
}

SecondStage score_again(const Model& model, const QueryGradients& gradients, const DocumentBatches& batches,
                        float* scores, size_t documents, size_t count, size_t recall_at, int64_t batch_tokens,
                        double scale, Ranks& ranks, const Control& control) {
  const size_t queries = gradients.nats.size();
  std::set<int32_t> chosen;
  std::vector<std::vector<int32_t>> first(queries);
  for (size_t q = 0; q < queries && ranks.leads(); ++q) {
    first[q] = extreme(scores + q * documents, documents, recall_at, 1);
    std::sort(first[q].begin(), first[q].end());
    for (const float sign : {1.0f, -1.0f}) {
      const auto strongest = extreme(scores + q * documents, documents, count, sign);
      chosen.insert(strongest.begin(), strongest.end());
    }
  }
  SecondStage stage{{chosen.begin(), chosen.end()}, 0};
  ranks.share(stage.documents, control);
  const auto exact = rescore(model, gradients, batches, stage.documents, batch_tokens, control, &ranks);
  if (!ranks.leads()) return stage;
  for (size_t q = 0; q < queries; ++q) {
    for (size_t i = 0; i < stage.documents.size(); ++i)
      scores[q * documents + static_cast<size_t>(stage.documents[i])] =
          static_cast<float>(exact[q * stage.documents.size() + i] * scale);
    std::vector<int32_t> now = extreme(scores + q * documents, documents, recall_at, 1), both;
    std::sort(now.begin(), now.end());
    std::set_intersection(first[q].begin(), first[q].end(), now.begin(), now.end(), std::back_inserter(both));
    stage.recall += now.empty() ? 1 : static_cast<double>(both.size()) / static_cast<double>(now.size());
  }
  stage.recall /= static_cast<double>(std::max<size_t>(1, queries));
  return stage;
}

}  // namespace stemma

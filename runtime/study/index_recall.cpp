#include "runtime/study/index_recall.h"

#include <algorithm>
#include <numeric>

#include "runtime/influence/scan.h"
#include "runtime/study/sharing.h"

namespace stemma {

IndexRecall index_recall(const Model& model, const Factors& factors, const Index& index, const Questions& questions,
                         int64_t k, int64_t rescored, const Control& control) {
  const auto documents = static_cast<size_t>(index.documents());
  QueryGradients gradients = gradients_of(model, questions);
  const std::vector<float> estimates =
      index.scores(*make_cpu_ops(), Projection(model, factors, index.head().basis).of_queries(gradients));
  precondition(model, factors, gradients);
  std::vector<std::vector<int32_t>> tokens;
  for (size_t d = 0; d < documents; ++d) tokens.push_back(index.tokens(static_cast<int64_t>(d)));
  const std::vector<float> exact = scan(model, gradients, DocumentBatches(std::move(tokens), 2048), documents, control);

  IndexRecall result;
  result.k = std::min<int64_t>(k, index.documents());
  result.rescored = std::min<int64_t>(rescored, index.documents());
  result.nats = gradients.nats;
  for (size_t q = 0; q < gradients.nats.size(); ++q) {
    const auto row = [&](const std::vector<float>& all) {
      return std::vector<float>(all.begin() + static_cast<std::ptrdiff_t>(q * documents),
                                all.begin() + static_cast<std::ptrdiff_t>((q + 1) * documents));
    };
    const std::vector<float> guessed = row(estimates), scored = row(exact);
    auto candidates = strongest(guessed, static_cast<size_t>(result.rescored));
    std::ranges::sort(candidates);
    int64_t found = 0;
    for (const int32_t document : strongest(scored, static_cast<size_t>(result.k)))
      found += std::ranges::binary_search(candidates, document);
    result.recall.push_back(static_cast<double>(found) / static_cast<double>(std::max<int64_t>(1, result.k)));
    result.agreement.push_back(correlation(guessed, scored));
  }
  return result;
}

}  // namespace stemma

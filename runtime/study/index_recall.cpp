#include "runtime/study/index_recall.h"

#include <algorithm>
#include <unordered_set>

#include "runtime/influence/scan/scan.h"
#include "runtime/study/sharing.h"

namespace stemma {

std::vector<QueryRecall> index_recall(IndexSearch& search, const Questions& questions, int64_t k,
                                      const CandidateOptions& options, const std::vector<int64_t>& counts,
                                      const Control& control) {
  const Index& index = search.index();
  const auto documents = static_cast<size_t>(index.documents());
  QueryGradients gradients = gradients_of(search.model(), questions);
  const std::vector<float> estimates = search.estimates(gradients, control);
  precondition(search.model(), search.factors(), gradients);
  std::vector<std::vector<int32_t>> tokens;
  for (size_t d = 0; d < documents; ++d) tokens.push_back(index.tokens(static_cast<int64_t>(d)));
  const std::vector<float> exact =
      scan(search.model(), gradients, DocumentBatches(std::move(tokens), 2048), documents, control);

  std::vector<QueryRecall> result;
  for (size_t q = 0; q < gradients.nats.size(); ++q) {
    const auto row = [&](const std::vector<float>& all) {
      return std::vector<float>(all.begin() + static_cast<std::ptrdiff_t>(q * documents),
                                all.begin() + static_cast<std::ptrdiff_t>((q + 1) * documents));
    };
    const std::vector<float> guessed = row(estimates), scored = row(exact);
    const auto wanted = strongest(scored, static_cast<size_t>(std::min<int64_t>(k, index.documents())));
    const auto share = [&](const auto& is_found) {
      return static_cast<double>(std::ranges::count_if(wanted, is_found)) /
             static_cast<double>(std::max<size_t>(1, wanted.size()));
    };
    // As they are scored one after another, until it is enough.
    const auto scored_by = [&](const CandidateOptions& chosen) {
      Candidates candidates(guessed, 1, chosen);
      Corrections corrections = search.corrections();
      for (auto chunk = candidates.next(); !chunk.empty(); chunk = candidates.next()) {
        std::vector<float> scores;
        for (const int64_t document : chunk) scores.push_back(scored[static_cast<size_t>(document)]);
        candidates.take(chunk, scores);
        corrections.apply(candidates);
      }
      return candidates;
    };
    const Candidates candidates = scored_by(options);
    QueryRecall& found = result.emplace_back();
    found.nats = gradients.nats[q];
    found.recall = share([&](int32_t document) { return candidates.is_exact(document); });
    found.late = candidates.late();
    found.scored = std::ssize(candidates.scored());
    found.agreement = correlation(guessed, scored);
    if (counts.empty()) continue;
    CandidateOptions all = options;
    all.most = counts.back(), all.late = 0;
    const auto order = scored_by(all).proponents(0);
    for (const int64_t count : counts) {
      const std::unordered_set<int64_t> first(order.begin(), order.begin() + std::min(count, std::ssize(order)));
      found.recall_of.push_back(share([&](int32_t document) { return first.contains(document); }));
    }
  }
  return result;
}

}  // namespace stemma

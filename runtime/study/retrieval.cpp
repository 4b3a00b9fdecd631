#include "runtime/study/retrieval.h"

#include <algorithm>

namespace stemma {

std::vector<float> completion_scores(const InfluenceTable& table) {
  std::vector<float> sums(static_cast<size_t>(table.documents), 0.0f);
  for (int32_t s = 0; s < table.steps; ++s)
    for (int32_t d = 0; d < table.documents; ++d) sums[d] += table.score(s, d);
  return sums;
}

Retrieval retrieval(const std::vector<Outcome>& outcomes, const std::vector<std::vector<float>>& all_scores, const Corpus& corpus) {
  Retrieval result;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const std::vector<float>& scores = all_scores[i];
    const auto states = [&](size_t d) {
      return std::ranges::any_of(outcomes[i].asked.facts, [&](const std::string& fact) {
        return std::ranges::find(corpus.documents[d].facts, fact) != corpus.documents[d].facts.end();
      });
    };
    float best = 0;
    bool found = false;
    for (size_t d = 0; d < scores.size(); ++d)
      if (states(d) && (!found || scores[d] > best)) {
        best = scores[d];
        found = true;
      }
    if (!found) continue;  // the sample holds no document that states it: nothing to find
    const auto rank = 1 + std::ranges::count_if(scores, [&](float score) { return score > best; });
    ++result.queries;
    result.first += rank == 1;
    result.in_ten += rank <= 10;
    result.reciprocal += 1.0 / static_cast<double>(rank);
  }
  if (result.queries) {
    result.first /= result.queries;
    result.in_ten /= result.queries;
    result.reciprocal /= result.queries;
  }
  return result;
}

}  // namespace stemma

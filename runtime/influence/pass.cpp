#include "runtime/influence/pass.h"

namespace stemma {

std::vector<float> scan_batches(int64_t queries, const DocumentBatches& batches, size_t corpus_documents,
                                const Control& control, UnfinishedWork* kept, const ScoreBatch& score) {
  const std::string stage = "scanning the documents";
  std::vector<float> scores(static_cast<size_t>(queries) * corpus_documents, 0.0f), found;
  int64_t begin = 0;
  if (kept && kept->stage() == stage && kept->done() <= batches.batches()) {
    scores = kept->part("scores", scores.size());
    begin = kept->done();
  }
  const auto visit = [&](const LabelledBatch& labelled, const std::vector<int32_t>& members) {
    found.assign(members.size() * static_cast<size_t>(queries), 0.0f);
    score(labelled, found);
    for (size_t d = 0; d < members.size(); ++d)
      for (size_t q = 0; q < static_cast<size_t>(queries); ++q)
        scores[q * corpus_documents + static_cast<size_t>(members[d])] = found[d * static_cast<size_t>(queries) + q];
  };
  batches.each(stage, control, visit, begin, [&](int64_t done, bool stopping) {
    if (kept && (stopping || kept->due())) kept->keep(stage, done, [&](const auto& put) { put("scores", scores); });
  });
  return scores;
}

}  // namespace stemma

#include "runtime/influence/pass.h"

namespace stemma {

std::vector<float> scan_batches(int64_t queries, const DocumentBatches& batches, size_t corpus_documents,
                                const Control& control, UnfinishedWork* kept, Ranks* ranks, const ScoreBatch& score) {
  const std::string stage = "scanning the documents";
  std::vector<float> scores(static_cast<size_t>(queries) * corpus_documents, 0.0f), found;
  int64_t begin = 0;
  if (kept && kept->stage() == stage && kept->done() <= batches.batches()) {
    scores = kept->part("scores", scores.size());
    begin = kept->done();
  }
  const auto visit = [&](int64_t, const LabelledBatch& labelled, const std::vector<int32_t>& members,
                         const std::function<void()>& listen) {
    found.assign(members.size() * static_cast<size_t>(queries), 0.0f);
    score(labelled, found, listen);
  };
  const auto take = [&](int64_t batch, const std::vector<float>& rows) {
    const std::vector<int32_t> members = batches.members(batch);
    for (size_t d = 0; d < members.size(); ++d)
      for (size_t q = 0; q < static_cast<size_t>(queries); ++q)
        scores[q * corpus_documents + static_cast<size_t>(members[d])] = rows[d * static_cast<size_t>(queries) + q];
  };
  const auto after = [&](int64_t done, bool stopping) {
    if (kept && (stopping || kept->due())) kept->keep(stage, done, [&](const auto& put) { put("scores", scores); });
  };
  Ranks alone;
  batches.each(ranks ? *ranks : alone,
               {.stage = stage,
                .key = kept ? kept->key() : "",
                .first = begin,
                .visit = visit,
                .made = [&] { return std::move(found); },
                .take = take,
                .after = after},
               control);
  return scores;
}

}  // namespace stemma

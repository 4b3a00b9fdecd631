// How much of what a scan of every document finds an index finds.
#pragma once

#include "runtime/influence/index/candidates.h"
#include "runtime/influence/index/search.h"
#include "runtime/influence/questions/questions.h"

namespace stemma {

// Of each query, asked alone.
struct QueryRecall {
  float nats = 0;
  double recall = 0;              // share of its k strongest documents among those that were scored exactly
  double late = 0;                // what ended the scoring (Candidates::late)
  double agreement = 0;           // Pearson correlation of estimates and scores
  int64_t scored = 0;             // documents scored exactly, on either side
  std::vector<double> recall_of;  // recall where the first counts[i] (rising) proponents taken are scored
};

// Scores every document of the index exactly, for the same questions. Throws Error; cancelled.
std::vector<QueryRecall> index_recall(IndexSearch& search, const Questions& questions, int64_t k,
                                      const CandidateOptions& options, const std::vector<int64_t>& counts,
                                      const Control& control);

}  // namespace stemma

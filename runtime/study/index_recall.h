// How much of what a scan of every document finds an index finds.
#pragma once

#include "runtime/influence/index/index.h"
#include "runtime/influence/questions.h"

namespace stemma {

struct IndexRecall {
  int64_t k = 0, rescored = 0;    // recall@k among so many candidates
  std::vector<double> recall;     // of each query: share of its k strongest documents among its candidates
  std::vector<double> agreement;  // of each query: Pearson correlation of estimates and scores
  std::vector<float> nats;        // of each query
};

// Scores every document of the index exactly, for the same questions. Throws Error; cancelled.
IndexRecall index_recall(const Model& model, const Factors& factors, const Index& index, const Questions& questions,
                         int64_t k, int64_t rescored, const Control& control);

}  // namespace stemma

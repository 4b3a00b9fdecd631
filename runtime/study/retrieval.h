// How well a method finds the documents that state a fact (fact tracing; bergson's `recall`, TrackStar's MRR).
#pragma once

#include <vector>

#include "runtime/corpus/corpus.h"
#include "runtime/influence/tables/table.h"
#include "runtime/study/suite.h"

namespace stemma {

struct Retrieval {
  int queries = 0;
  double first = 0;     // share of queries whose strongest document states the fact
  double in_ten = 0;    // share with one among the first ten
  double reciprocal = 0;  // mean reciprocal rank of the first that does
};

// One score per document of the corpus: the sum over a table's steps, which is the whole completion's.
std::vector<float> completion_scores(const InfluenceTable& table);

// `scores[i]` (documents of the corpus) answer `outcomes[i]`, whose prompt names facts that documents state.
Retrieval retrieval(const std::vector<Outcome>& outcomes, const std::vector<std::vector<float>>& scores, const Corpus& corpus);

}  // namespace stemma

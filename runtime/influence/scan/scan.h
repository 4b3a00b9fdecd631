// One pass over documents against all queries: I(d, q) = <V_q, grad log p(d)>, scored inside the backward.
#pragma once

#include <vector>

#include "runtime/influence/documents.h"
#include "runtime/influence/questions/query.h"
#include "runtime/influence/unfinished.h"

namespace stemma {

// Full rank: each document's gradient is formed layer by layer, block by block, and multiplied with all queries at
// once. Returns scores (Q, documents of the corpus); 0 for documents too short to predict anything. With `kept` it goes
// on from the scores kept there, and keeps its own. Spread over `ranks` (null: alone), rank 0 has the scores.
std::vector<float> scan(const Model& model, const QueryGradients& queries, const DocumentBatches& batches,
                        size_t corpus_documents, const Control& control, UnfinishedWork* kept = nullptr,
                        Ranks* ranks = nullptr);

}  // namespace stemma

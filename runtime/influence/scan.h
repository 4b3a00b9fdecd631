// One pass over documents against all queries: I(d, q) = <V_q, grad log p(d)>, scored inside the backward.
#pragma once

#include <vector>

#include "runtime/influence/documents.h"
#include "runtime/influence/query.h"
#include "runtime/influence/unfinished.h"

namespace stemma {

// Full rank: each document's gradient is formed layer by layer, tile by tile, and multiplied with all queries at once.
// Returns scores (Q, documents of the corpus); 0 for documents too short to predict anything. With `kept` it goes on
// from the scores kept there, and keeps its own. Spread over `ranks` (null: alone), rank 0 has the scores.
std::vector<float> scan(const Model& model, const QueryGradients& queries, const DocumentBatches& batches,
                        size_t corpus_documents, const Control& control, UnfinishedWork* kept = nullptr,
                        Ranks* ranks = nullptr);

// Where documents' scores come from, for queries [first, last), Q of them; N rows of all documents' inputs.
struct Decomposition {
  std::vector<float> tokens;  // (Q, N) each input token's share; a document's rows sum to its score
  std::vector<float> layers;  // (Q, documents, blocks)
};
Decomposition decompose(const Model& model, const QueryGradients& queries, size_t first, size_t last,
                        const LabelledBatch& documents);

}  // namespace stemma

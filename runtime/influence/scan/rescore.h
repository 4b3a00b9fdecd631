// Exact scores of documents that something faster has chosen: an index, a scan of low rank, a search.
#pragma once

#include <vector>

#include "runtime/influence/documents.h"
#include "runtime/influence/questions/query.h"

namespace stemma {

// `documents` (K): indices in the corpus, each once. Returns scores (Q, K) as scan's, 0 for documents too short to
// predict anything; equal to scan's but for rounding, since a document then shares its products with other neighbours
// (tests/runtime/influence/scan/rescore_test.cpp). `batch_tokens` as in FitOptions, `ranks` as of scan. Throws Error:
// cancelled.
std::vector<float> rescore(const Model& model, const QueryGradients& queries, const DocumentBatches& batches,
                           const std::vector<int32_t>& documents, int64_t batch_tokens, const Control& control,
                           Ranks* ranks = nullptr);

}  // namespace stemma

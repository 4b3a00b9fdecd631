// The second stage of a scan in two: documents that queries of low rank ranked first, scored again exactly.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/influence/documents.h"
#include "runtime/influence/questions/query.h"

namespace stemma {

// The `n` documents of the largest (or, with sign -1, smallest) scores (D), strongest first; ties by place.
std::vector<int32_t> extreme(const float* scores, size_t documents, size_t n, float sign);

struct SecondStage {
  std::vector<int32_t> documents;  // scored again, by index
  double recall = 1;               // mean share of the exact first `recall_at` that the first stage had among its own
};

// Of each row of scores (Q, D) the `count` strongest on either side are scored exactly (rescore.h), times `scale`, and
// so is every other row of these documents. `recall_at` is how long the compared lists of proponents are.
// Rank 0 has `scores`; the others help.
SecondStage score_again(const Model& model, const QueryGradients& gradients, const DocumentBatches& batches,
                        float* scores, size_t documents, size_t count, size_t recall_at, int64_t batch_tokens,
                        double scale, Ranks& ranks, const Control& control);

}  // namespace stemma

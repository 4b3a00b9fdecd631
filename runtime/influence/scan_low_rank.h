// One pass over documents against queries of low rank, by the cheaper of two routes at each layer.
#pragma once

#include <vector>

#include "runtime/influence/documents.h"
#include "runtime/influence/low_rank.h"
#include "runtime/influence/routes.h"
#include "runtime/influence/unfinished.h"

namespace stemma {

// Queries of that rank that meet a batch of `tokens` together, so that neither route's scratch outgrows its bound.
int64_t low_rank_together(const Model& model, const std::vector<size_t>& layers, int64_t rank, int64_t tokens,
                          int64_t count);

// The route of each tracked layer, chosen once for the mean batch, so that a document's numbers are of one kind.
std::vector<Route> choose_routes(const Model& model, const LowRankQueries& queries, Precision precision,
                                 const DocumentBatches& batches);

// As scan (scan.h), of V ~ L R: what is left out of V is all that is left out of the scores, but for what bf16 rounds.
std::vector<float> scan(const Model& model, const LowRankQueries& queries, const std::vector<Route>& routes,
                        Precision precision, const DocumentBatches& batches, size_t corpus_documents,
                        const Control& control, UnfinishedWork* kept = nullptr, Ranks* ranks = nullptr);

}  // namespace stemma

// One pass over documents against queries of low rank, by the cheaper of two routes at each layer.
#pragma once

#include <vector>

#include "runtime/influence/documents.h"
#include "runtime/influence/questions/low_rank.h"
#include "runtime/influence/scan/routes.h"
#include "runtime/influence/unfinished.h"

namespace stemma {

// Of `count` queries of that rank, those that the tokens of a batch meet together, so that what they score on the way
// does not outgrow its bound.
int64_t met_by_tokens(int64_t tokens, int64_t rank, int64_t count);

// A layer's queries and the mean batch.
LayerMeeting mean_meeting(Tensor weight, int64_t rank, int64_t count, const DocumentBatches& batches);
// The route of each tracked layer, chosen once for the mean batch, so that a document's numbers are of one kind.
std::vector<Route> choose_routes(const Model& model, const LowRankQueries& queries, Precision precision,
                                 const DocumentBatches& batches);

// As scan (scan.h), of V ~ L R: what is left out of V is all that is left out of the scores, but for what bf16 rounds.
std::vector<float> scan(const Model& model, const LowRankQueries& queries, const std::vector<Route>& routes,
                        Precision precision, const DocumentBatches& batches, size_t corpus_documents,
                        const Control& control, UnfinishedWork* kept = nullptr, Ranks* ranks = nullptr);

}  // namespace stemma

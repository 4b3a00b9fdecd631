// Questions answered from an index, without the corpus.
#pragma once

#include <functional>
#include <vector>

#include "runtime/influence/attribute.h"
#include "runtime/influence/index/candidates.h"
#include "runtime/influence/index/search.h"

namespace stemma {

// `rescore` documents of a question are scored exactly; 0: as many as its first places need, those of `top` at least.
CandidateOptions candidate_options(int64_t rescore, int64_t top);

// As attribute(), by EK-FAC: every document is estimated, the most promising are scored exactly, and those alone stand
// in the tables. `so_far` (may be empty) is shown tables of the first documents while they are being scored: estimates
// at first, their number in `estimated`, without tokens and layers. Throws Error as attribute(); cancelled.
std::vector<InfluenceTable> answer(IndexSearch& search, const std::vector<const Trace*>& traces,
                                   const AttributeOptions& options, const Control& control,
                                   const std::function<void(std::vector<InfluenceTable>)>& so_far = {});

}  // namespace stemma

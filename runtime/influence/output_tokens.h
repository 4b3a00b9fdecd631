// Output-token influence (Grosse et al. 2023, appendix B, eq. 36): what each token of a document, as what is predicted,
// does to a query. It is d/de log p(token | before) with weights W + e V, V the preconditioned query: exact, by forward
// mode, where the paper takes a difference of two forwards.
#pragma once

#include <vector>

#include "runtime/corpus/packing.h"
#include "runtime/influence/query.h"

namespace stemma {

// Of queries [first, last), Q of them, and N rows of all documents' inputs: (Q, N), row n's is that of the token which
// follows it. A document's rows sum to its score, as those of Decomposition (scan.h) do: the same derivative, taken
// apart by output and not by input. One forward for all queries, and twice that for each.
std::vector<float> output_token_scores(const Model& model, const QueryGradients& queries, size_t first, size_t last,
                                       const LabelledBatch& documents);

}  // namespace stemma

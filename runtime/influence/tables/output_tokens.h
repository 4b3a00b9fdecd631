// Output-token influence (Grosse et al. 2023, appendix B, eq. 36): what each token of a document, as what is predicted,
// does to a query. It is d/de log p(token | before) with weights W + e V, V the preconditioned query: exact, by forward
// mode, where the paper takes a difference of two forwards.
#pragma once

#include <vector>

#include "runtime/influence/pass.h"
#include "runtime/influence/questions/query.h"

namespace stemma {

// One forward for all queries of a batch, and twice that for each. Memory is kept from batch to batch.
class OutputTokens {
 public:
  explicit OutputTokens(const Model& model) : work_(model), top_(model), dots_(model) {}
  // Of queries [first, last), Q of them, and N rows of all documents' inputs: (Q, N), row n's is that of the token
  // which follows it. A document's rows sum to its score, as those of Decomposition do: the same derivative, taken
  // apart by output and not by input.
  std::vector<float> of(const QueryGradients& queries, size_t first, size_t last, const LabelledBatch& documents);

 private:
  Workspace work_;
  Room top_, dots_;
};

}  // namespace stemma

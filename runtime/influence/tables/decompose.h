// Where documents' scores come from: which of their tokens, and which layers of the model.
#pragma once

#include <span>
#include <vector>

#include "runtime/influence/pass.h"
#include "runtime/influence/questions/query.h"

namespace stemma {

// Some queries [first, last) of preconditioned gradients, asked about some documents of a batch.
struct Asked {
  const QueryGradients* gradients = nullptr;
  size_t first = 0, last = 0;
  std::vector<int32_t> documents;  // segments of the batch, rising
};

// Of one Asked, Q queries; N rows of its documents' inputs.
struct Decomposition {
  std::vector<float> tokens;  // (Q, N) each input token's share; a document's rows sum to its score
  std::vector<float> layers;  // (Q, documents, blocks)
};

// One forward and one backward of a batch, however much is asked about it. Memory is kept from batch to batch.
class Decomposer {
 public:
  explicit Decomposer(const Model& model)
      : model_(model), pass_(model), inputs_(model), gradients_(model), images_(model), dots_(model) {}
  std::vector<Decomposition> of(const LabelledBatch& batch, std::span<const Asked> asked);

 private:
  const Model& model_;
  DocumentPass pass_;
  Room inputs_, gradients_, images_, dots_;
};

}  // namespace stemma

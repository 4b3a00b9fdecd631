// What an index keeps of every gradient: numbers along fixed directions.
//
// Of each layer's truncated gradients the principal directions over a sample (randomised subspace iteration, Halko et
// al. 2011), then the principal directions of all layers' together. Gradients of documents that show the same thing are
// nearly parallel across layers, so few directions say much of what documents have in common (as LoRIF, arXiv
// 2601.21929, but of the curvature's own eigenbasis and of all layers at once). A product is known where either of the
// two lies along the directions, and questions look elsewhere than documents: a document's gradient is that of the
// tokens that surprise the model, a question's often of tokens that do not. So the sample is of documents and of a
// short span of each, all of length one.
//
// What the directions leave out of a gradient is most of it, and often most of a score: estimates are for the order,
// and exact scores teach the rest (correction.h). Random projections of what is left out (a count sketch of 512
// numbers, measured; of 4,096, simulated) bring more noise than they find.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/influence/documents.h"
#include "runtime/influence/index/truncated.h"
#include "runtime/influence/questions/query.h"

namespace stemma {

struct BasisOptions {
  int64_t side = 64;         // eigenvectors kept of each S and A
  int64_t directions = 128;  // of a layer; fewer where there are many layers
  int64_t numbers = 3072;    // of a document
  uint64_t seed = 1;
};

struct IndexBasis {
  int64_t side = 0, directions = 0, numbers = 0;
  int64_t row() const { return numbers + 1; }  // the numbers, scaled to length one, and their length
  int64_t documents = 0;  // that it was found on
  std::vector<std::vector<float>> layers;               // (size, directions) orthonormal columns, by tracked layer
  std::vector<float> joint;                             // (layers * directions, numbers) orthonormal columns
};

// The lengths alone: of a basis for layers whose truncated gradients have these sizes, found on so many documents.
IndexBasis basis_lengths(const std::vector<int64_t>& sizes, const BasisOptions& options, int64_t documents);

// Three passes over the sample and its spans, spread over the ranks; all of them have its layers, rank 0 the rest as
// well. Throws Error; cancelled.
IndexBasis fit_basis(const Model& model, const Factors& factors, const DocumentBatches& sample,
                     const BasisOptions& options, Ranks& ranks, const Control& control);

// Gradients to rows, of which <V_q, grad log p(d)> is estimated.
class Projection {
 public:
  Projection(const Model& model, const Factors& factors, const IndexBasis& basis);
  std::vector<float> of_documents(const LabelledBatch& documents);  // (segments, row)
  std::vector<float> of_queries(const QueryGradients& gradients);   // (Q, row), before precondition()

 private:
  void add(size_t layer, Tensor truncated, Tensor numbers);
  std::vector<float> rows_of(const Buffer& numbers) const;

  const Model& model_;
  const IndexBasis& basis_;
  TruncatedGradients truncated_;
  DocumentPass pass_;
  std::vector<Buffer> layers_;
  Buffer joint_;
  Room part_;
};

}  // namespace stemma

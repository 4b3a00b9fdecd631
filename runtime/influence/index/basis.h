// The directions that an index keeps of every gradient, and the numbers that it keeps along them.
//
// Of each layer's truncated gradients the principal directions over a sample of documents (randomised subspace
// iteration, Halko et al. 2011), then the principal directions of all layers' together. Gradients of documents that
// show the same thing are nearly parallel across layers, so few directions say much: about two thousand numbers stand for
// a document (as LoRIF, arXiv 2601.21929, but of the curvature's own eigenbasis and of all layers at once).
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/influence/documents.h"
#include "runtime/influence/index/truncated.h"
#include "runtime/influence/query.h"

namespace stemma {

struct BasisOptions {
  int64_t side = 64;         // eigenvectors kept of each S and A
  int64_t directions = 128;  // of a layer; fewer where there are many layers
  int64_t numbers = 2048;    // of a document
  uint64_t seed = 1;
};

struct IndexBasis {
  int64_t side = 0, directions = 0, numbers = 0;
  int64_t documents = 0;                   // that it was found on
  std::vector<std::vector<float>> layers;  // (size, directions) orthonormal columns, by tracked layer
  std::vector<float> joint;                // (layers * directions, numbers) orthogonal columns of length `scale`
  double scale = 1;                        // makes a document's numbers small enough for halves
};

// Three passes over the sample, spread over the ranks; all of them have its layers, rank 0 the rest as well. Throws
// Error; cancelled.
IndexBasis fit_basis(const Model& model, const Factors& factors, const DocumentBatches& sample,
                     const BasisOptions& options, Ranks& ranks, const Control& control);

// Gradients to numbers: the dot product of a document's with a query's estimates <V_q, grad log p(d)>.
class Projection {
 public:
  Projection(const Model& model, const Factors& factors, const IndexBasis& basis);
  std::vector<float> of_documents(const LabelledBatch& documents);  // (segments, numbers)
  std::vector<float> of_queries(const QueryGradients& gradients);   // (Q, numbers), before precondition()

 private:
  void add(size_t layer, Tensor gradients, Tensor sums);

  const Model& model_;
  const IndexBasis& basis_;
  TruncatedGradients truncated_;
  DocumentPass pass_;
  std::vector<Buffer> layers_;
  Buffer joint_;
  Room part_;
};

}  // namespace stemma

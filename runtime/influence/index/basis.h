// What an index keeps of every gradient: numbers along fixed directions, and a sketch of the whole.
//
// Of each layer's truncated gradients the principal directions over a sample (randomised subspace iteration, Halko et
// al. 2011), then the principal directions of all layers' together. Gradients of documents that show the same thing are
// nearly parallel across layers, so few directions say much of what documents have in common (as LoRIF, arXiv
// 2601.21929, but of the curvature's own eigenbasis and of all layers at once). A product is known where either of the
// two lies along the directions, and questions look elsewhere than documents: a document's gradient is that of the
// tokens that surprise the model, a question's often of tokens that do not. So the sample is of documents and of a
// short span of each, all of length one. What the directions leave out is what one document alone has, and that is most
// of the score of a question's first documents.
//
// The sketch (count sketch of Charikar et al. 2002, by rows of a layer's whitened gradient) is of the whole: the dot
// product of two unit gradients' sketches is their cosine, give or take 1 / sqrt(sketch). An estimate is the numbers'
// product, or that cosine where it is further from it than `sketch_errors` of these; but never further than what
// the directions left out of both can make (Cauchy and Schwarz).
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
  int64_t numbers = 3072;    // of a document, along directions
  int64_t sketch = 512;      // of a document, of its sketch
  uint64_t seed = 1;
};

struct IndexBasis {
  int64_t side = 0, directions = 0, numbers = 0, sketch = 0;
  // The unit gradient's numbers and sketch, the gradient's length, and the share of it that the directions leave out.
  int64_t row() const { return numbers + sketch + 2; }
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

inline constexpr float sketch_errors = 3.5f;

// Gradients to rows, of which <V_q, grad log p(d)> is estimated.
class Projection {
 public:
  Projection(const Model& model, const Factors& factors, const IndexBasis& basis);
  std::vector<float> of_documents(const LabelledBatch& documents);  // (segments, row)
  std::vector<float> of_queries(const QueryGradients& gradients);   // (Q, row), before precondition()

 private:
  struct Sums {
    Buffer numbers, sketch, squares;
  };
  Sums sums(int64_t rows) const;
  void add(size_t layer, Tensor truncated, Tensor whole, const Sums& sums);
  std::vector<float> rows_of(const Sums& sums) const;

  const Model& model_;
  const IndexBasis& basis_;
  TruncatedGradients truncated_, whole_;
  DocumentPass pass_;
  std::vector<Buffer> layers_;
  std::vector<IdBuffer> places_;  // of each layer's rows in the sketch, as fold takes them
  Buffer joint_;
  Room part_;
};

}  // namespace stemma

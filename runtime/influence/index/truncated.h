// Gradients seen in the few directions of the curvature's eigenbasis that say most: what an index is made of.
//
// In the eigenbasis a layer's influence is the sum over its P*M coordinates of q_ij d_ij / (Lambda_ij + lambda) (Grosse
// et al. 2023, eq. 21). Here both gradients are divided by sqrt(Lambda_ij + lambda), so that it is a plain dot product,
// and only `side` eigenvectors of S and of A are kept: those whose coordinates hold the most of what damping leaves,
// the sum of Lambda / (Lambda + lambda).
#pragma once

#include <span>
#include <vector>

#include "runtime/influence/curvature/factors.h"
#include "runtime/influence/pass.h"

namespace stemma {

class TruncatedGradients {
 public:
  TruncatedGradients(const Model& model, const Factors& factors, int64_t side);

  size_t layers() const { return layers_.size(); }
  int64_t size(size_t layer) const { return layers_[layer].deviation.view().columns; }  // coordinates kept

  // Both return a view that is valid until the next call. a (N,M), g (N,P) as a LinearTap shows them -> (segments,
  // size)
  Tensor of_documents(size_t layer, Tensor a, Tensor g, std::span<const Segment> segments);
  Tensor of_queries(size_t layer, Tensor gradients);  // (Q, P*M), before precondition() -> (Q, size)

 private:
  struct Layer {
    Buffer q_a, q_s;   // kept eigenvectors in rows
    Buffer deviation;  // (1, size) sqrt(Lambda + lambda)
  };
  void whiten(const Layer& layer, Tensor rows);

  std::shared_ptr<Ops> ops_;
  std::vector<Layer> layers_;
  Room rotated_a_, rotated_g_, kept_;
};

}  // namespace stemma

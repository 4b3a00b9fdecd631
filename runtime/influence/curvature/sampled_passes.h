// Passes over documents whose labels the model draws itself: the curvature is then the true Fisher's.
#pragma once

#include "runtime/influence/documents.h"
#include "runtime/model/forward.h"
#include "runtime/random.h"

namespace stemma {

// Forward, labels drawn from the model, backward of the summed loss; `tap` sees every linear layer. Whichever batches
// are asked for, in rising order since the start, they have the labels of a pass over all. One thread; model and
// batches outlive it.
class SampledPasses {
 public:
  SampledPasses(const Model& model, const DocumentBatches& batches) : model_(model), batches_(batches), work_(model) {}

  void start(uint64_t seed);
  void run(int64_t number, const LabelledBatch& labelled, const LinearTap& tap);

 private:
  const Model& model_;
  const DocumentBatches& batches_;
  Workspace work_;
  Buffer top_;
  Random random_{0};
  int64_t drawn_ = 0;
};

}  // namespace stemma

// One forward and one backward of log p over documents, with a tap: what every pass over a corpus does with a batch.
#pragma once

#include "runtime/corpus/packing.h"
#include "runtime/model/forward.h"

namespace stemma {

class DocumentPass {
 public:
  explicit DocumentPass(const Model& model) : work_(model) {}

  // Shows `tap` the input and the output gradient of every linear layer, of log p of every label of the batch.
  void run(const LabelledBatch& labelled, const LinearTap& tap) {
    const Model& model = work_.model();
    const Batch& batch = labelled.batch;
    std::vector<float> losses;
    const Tensor hidden = forward(work_, batch);
    if (top_.view().rows < batch.size()) top_ = Buffer(model.ops, batch.size(), model.config.width);
    const Tensor gradient = top_.view().slice(0, batch.size());
    loss(model, hidden, labelled.targets, {.weight = -1}, losses, gradient);
    backward(work_, batch, gradient, nullptr, &tap);
  }

 private:
  Workspace work_;
  Buffer top_;  // gradient of the final residual
};

}  // namespace stemma

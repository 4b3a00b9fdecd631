// What every pass over a corpus does with its batches: the backward of each document's log-probability, batch by batch.
#pragma once

#include <functional>
#include <vector>

#include "runtime/influence/documents.h"
#include "runtime/influence/unfinished.h"
#include "runtime/model/forward.h"

namespace stemma {

// One forward and one backward of log p, with a tap; memory is kept from batch to batch.
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

// Memory of a device that only grows.
class Room {
 public:
  explicit Room(const Model& model) : ops_(model.ops) {}
  Tensor of(int64_t rows, int64_t columns) {
    if (buffer_.view().size() < rows * columns) buffer_ = Buffer(ops_, 1, rows * columns);
    return {buffer_.view().data, rows, columns};
  }
  Tensor zeros(int64_t rows, int64_t columns) {
    const Tensor all = of(rows, columns);
    ops_->zero(all.data, sizeof(float) * static_cast<size_t>(all.size()));
    return all;
  }

 private:
  std::shared_ptr<Ops> ops_;
  Buffer buffer_;
};

// Fills scores (documents of the batch, Q), which are zero before. `listen` as of Ranks::Pass.
using ScoreBatch =
    std::function<void(const LabelledBatch&, std::vector<float>& scores, const std::function<void()>& listen)>;
// Returns scores (Q, documents of the corpus). With `kept` it goes on from the scores kept there, and keeps its own.
// Spread over `ranks` (null: alone), rank 0 has the scores.
std::vector<float> scan_batches(int64_t queries, const DocumentBatches& batches, size_t corpus_documents,
                                const Control& control, UnfinishedWork* kept, Ranks* ranks, const ScoreBatch& score);

}  // namespace stemma

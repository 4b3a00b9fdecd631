#include "runtime/influence/output_tokens.h"

#include "runtime/influence/tracked.h"

namespace stemma {

std::vector<float> output_token_scores(const Model& model, const QueryGradients& queries, size_t first, size_t last,
                                       const LabelledBatch& documents) {
  Ops& ops = *model.ops;
  const int64_t rows = documents.batch.size();
  std::vector<float> scores(static_cast<size_t>(rows) * (last - first)), losses;
  Workspace work(model);
  const Tensor hidden = forward(work, documents.batch);
  const Buffer top(model.ops, rows, model.config.width);
  Buffer dots(model.ops, rows, 1);
  loss(model, hidden, documents.targets, {.weight = -1}, losses, top);
  for (size_t q = first; q < last; ++q) {
    const Tensor moved = tangent(work, documents.batch, [&](int layer, Linear which) {
      const Tensor all = queries.layers[tracked_index(model, layer, which)].view();
      const Tensor weight = model.weights.blocks[static_cast<size_t>(layer)].linear(which);
      return all ? Tensor{all.row(static_cast<int64_t>(q)), weight.rows, weight.columns} : Tensor{};
    });
    // A row's gradient at the top is that of its own log p alone.
    dots.zero();
    ops.row_dots(top, moved, dots);
    dots.download(scores.data() + static_cast<int64_t>(q - first) * rows);
  }
  return scores;
}

}  // namespace stemma

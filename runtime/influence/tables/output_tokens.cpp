#include "runtime/influence/tables/output_tokens.h"

#include "runtime/influence/tracked.h"

namespace stemma {

std::vector<float> OutputTokens::of(const QueryGradients& queries, size_t first, size_t last,
                                    const LabelledBatch& documents) {
  const Model& model = work_.model();
  Ops& ops = *model.ops;
  const int64_t rows = documents.batch.size();
  std::vector<float> scores(static_cast<size_t>(rows) * (last - first)), losses;
  const Tensor hidden = forward(work_, documents.batch), top = top_.of(rows, model.config.width);
  loss(model, hidden, documents.targets, {.weight = -1}, losses, top);
  for (size_t q = first; q < last; ++q) {
    const Tensor moved = tangent(work_, documents.batch, [&](int layer, Linear which) {
      const Tensor all = queries.layers[tracked_index(model, layer, which)].view();
      const Tensor weight = model.weights.blocks[static_cast<size_t>(layer)].linear(which);
      return all ? Tensor{all.row(static_cast<int64_t>(q)), weight.rows, weight.columns} : Tensor{};
    });
    // A row's gradient at the top is that of its own log p alone.
    const Tensor dots = dots_.zeros(rows, 1);
    ops.row_dots(top, moved, dots);
    ops.download(scores.data() + static_cast<int64_t>(q - first) * rows, dots.data, sizeof(float) * rows);
  }
  return scores;
}

}  // namespace stemma

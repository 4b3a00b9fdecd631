#include "tests/support/layer_gradients.h"

#include "runtime/influence/tracked.h"
#include "runtime/model/forward.h"

namespace stemma::test {

std::vector<LayerRows> layer_rows(const Model& model, const LabelledBatch& labelled, float weight) {
  std::vector<LayerRows> result(tracked_count(model));
  Workspace work(model);
  std::vector<float> losses;
  const Tensor hidden = forward(work, labelled.batch);
  const Buffer top(model.ops, hidden.rows, hidden.columns);
  loss(model, hidden, labelled.targets, {.weight = weight}, losses, top);
  const LinearTap tap = [&](int layer, Linear which, Tensor a, Tensor g) {
    result[tracked_index(model, layer, which)] = {from_device(*model.ops, a), from_device(*model.ops, g)};
  };
  backward(work, labelled.batch, top, nullptr, &tap);
  return result;
}

std::vector<Matrix> span_gradients(const Model& model, const std::vector<int32_t>& tokens, int32_t begin, int32_t end) {
  LabelledBatch labelled;
  labelled.add(tokens);
  for (int32_t n = 0; n < static_cast<int32_t>(labelled.targets.size()); ++n)
    if (n + 1 < begin || n + 1 >= end) labelled.targets[static_cast<size_t>(n)] = -1;
  std::vector<Matrix> gradients;
  for (const LayerRows& rows : layer_rows(model, labelled, -1)) gradients.push_back(rows.gradient());
  return gradients;
}

}  // namespace stemma::test

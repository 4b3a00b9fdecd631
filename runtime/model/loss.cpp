#include <algorithm>

#include "runtime/model/forward.h"

namespace stemma {
namespace {

constexpr int64_t chunk_bytes = 4 << 20, chunk_rows = 256;  // of logits held at once: as many, of a large vocabulary

}  // namespace

int64_t logits_at_once(const Model& model, int64_t rows) {
  const int64_t most = chunk_bytes / static_cast<int64_t>(sizeof(float)) / model.config.vocabulary;
  return std::clamp<int64_t>(std::max(most, chunk_rows), 1, rows);
}

void logits(const Model& model, Tensor hidden, Tensor out) {
  model.ops->linear(hidden, model.weights.unembedding_matrix, out);
  if (model.config.logit_cap > 0) model.ops->soft_cap(out, model.config.logit_cap);
}

void loss(const Model& model, Tensor hidden, const std::vector<int32_t>& targets, const LossOptions& options,
          std::vector<float>& losses, Tensor hidden_gradient, Tensor unembedding_gradient) {
  Ops& ops = *model.ops;
  const WeightMatrix unembedding = model.weights.unembedding_matrix;
  const int64_t n = hidden.rows, chunk = logits_at_once(model, n);
  Buffer chunk_logits(model.ops, chunk, unembedding.rows), chunk_losses(model.ops, chunk, 1), uniforms(model.ops, chunk, 1);
  const float cap = model.config.logit_cap;
  Buffer capped;  // cross_entropy leaves nothing of the logits that the cap's backward needs
  if (cap > 0) capped = Buffer(model.ops, chunk, unembedding.rows);
  IdBuffer labels(model.ops, chunk, 1);
  losses.resize(static_cast<size_t>(n));
  for (int64_t begin = 0; begin < n; begin += chunk) {
    const int64_t rows = std::min(chunk, n - begin);
    const Tensor x = hidden.slice(begin, begin + rows), y = chunk_logits.view().slice(0, rows);
    const Ids t = labels.view().slice(0, rows);
    ops.upload(t.data, targets.data() + begin, sizeof(int32_t) * static_cast<size_t>(rows));
    logits(model, x, y);
    if (cap > 0) ops.copy(capped.view().data, y.data, sizeof(float) * static_cast<size_t>(y.size()));
    if (options.uniforms) {
      const Tensor u = uniforms.view().slice(0, rows);
      ops.upload(u.data, options.uniforms + begin, sizeof(float) * static_cast<size_t>(rows));
      ops.sample_targets(y, u, t);
    }
    ops.cross_entropy(y, t, options.weight, chunk_losses.view().slice(0, rows));
    ops.download(losses.data() + begin, chunk_losses.view().data, sizeof(float) * static_cast<size_t>(rows));
    if (cap > 0) ops.soft_cap_backward(capped.view().slice(0, rows), cap, y);
    if (hidden_gradient) ops.linear_backward(y, unembedding, hidden_gradient.slice(begin, begin + rows));
    if (unembedding_gradient) ops.matmul(y, true, x, false, unembedding_gradient, 1, 1);
  }
}

}  // namespace stemma

#include "runtime/model/forward.h"

namespace stemma {

void backward(Workspace& work, const Batch& batch, Tensor hidden_gradient, Weights* gradients, const LinearTap* tap) {
  const Model& model = work.model();
  Ops& ops = *model.ops;
  const int64_t n = batch.size();
  work.reserve(n, true);
  const auto rows = [n](const Buffer& buffer) { return buffer.view().slice(0, n); };
  const Ids ids = work.ids.view().slice(0, n), positions = work.positions.view().slice(0, n);

  // y = x W^T: dW += dy^T x; dx = dy W, or dx += where several linears read one x.
  const auto linear = [&](int layer, Linear which, Tensor x, Tensor dy, Tensor dx, bool add) {
    if (tap) (*tap)(layer, which, x, dy);
    if (gradients) ops.matmul(dy, true, x, false, gradients->blocks[layer].linear(which), 1, 1);
    if (dx) ops.matmul(dy, false, model.weights.blocks[layer].linear(which), false, dx, 1, add ? 1 : 0);
  };

  const Tensor dx = rows(work.residual_gradient), inner = rows(work.width_gradient);
  ops.zero(dx.data, sizeof(float) * static_cast<size_t>(dx.size()));
  ops.rms_norm_backward(rows(work.residual.back()), model.weights.final_norm, rows(work.hidden_scale), hidden_gradient, dx,
                        gradients ? gradients->final_norm : Tensor{});
  for (int i = model.config.layers - 1; i >= 0; --i) {
    const Block& block = model.weights.blocks[i];
    auto& v = work.blocks[i];
    const bool last = i == 0 && !gradients;  // nothing below the first block's linears is wanted

    linear(i, Linear::down, rows(v.activated), dx, rows(work.activated_gradient), false);
    ops.swiglu_backward(rows(v.gate), rows(v.up), rows(work.activated_gradient), rows(work.gate_gradient),
                        rows(work.up_gradient));
    linear(i, Linear::gate, rows(v.mlp_in), rows(work.gate_gradient), inner, false);
    linear(i, Linear::up, rows(v.mlp_in), rows(work.up_gradient), inner, true);
    ops.rms_norm_backward(rows(v.middle), block.mlp_norm, rows(v.mlp_scale), inner, dx,
                          gradients ? gradients->blocks[i].mlp_norm : Tensor{});

    linear(i, Linear::output, rows(v.attended), dx, rows(work.attended_gradient), false);
    ops.attention_backward(rows(v.query), rows(v.key), rows(v.value), rows(v.attended), rows(v.log_sum),
                           rows(work.attended_gradient), batch.segments, model.heads(), rows(work.query_gradient),
                           rows(work.key_gradient), rows(work.value_gradient));
    ops.rope(rows(work.query_gradient), positions, model.rope, model.config.head_width, Rotation::inverse);
    ops.rope(rows(work.key_gradient), positions, model.rope, model.config.head_width, Rotation::inverse);
    const Tensor below = last ? Tensor{} : inner;
    linear(i, Linear::query, rows(v.attention_in), rows(work.query_gradient), below, false);
    linear(i, Linear::key, rows(v.attention_in), rows(work.key_gradient), below, true);
    linear(i, Linear::value, rows(v.attention_in), rows(work.value_gradient), below, true);
    if (last) return;
    ops.rms_norm_backward(rows(work.residual[i]), block.attention_norm, rows(v.attention_scale), inner, dx,
                          gradients ? gradients->blocks[i].attention_norm : Tensor{});
  }
  if (gradients) ops.embed_backward(ids, dx, gradients->embedding);
}

}  // namespace stemma

#include "runtime/model/forward.h"
#include "runtime/model/norms.h"

namespace stemma {

void backward(Workspace& work, const Batch& batch, Tensor hidden_gradient, Weights* gradients, const LinearTap* tap) {
  const Model& model = work.model();
  if (gradients || !model.differentiates) expect_f32(model, "differentiating");
  Ops& ops = *model.ops;
  const ModelConfig& config = model.config;
  const BlockDesign& design = config.block;
  const int64_t n = batch.size();
  work.reserve(n, true);
  const auto rows = [n](const Buffer& buffer) { return buffer.view() ? buffer.view().slice(0, n) : Tensor{}; };
  const Ids ids = work.ids.view().slice(0, n), positions = work.positions.view().slice(0, n),
            angles = work.angles.view() ? work.angles.view().slice(0, n) : positions;
  const auto zero = [&](Tensor x) { ops.zero(x.data, sizeof(float) * static_cast<size_t>(x.size())); };

  // y = x W^T + b: dW += dy^T x; db += sum dy; dx = dy W, or dx += where several linears read one x.
  const auto linear = [&](int layer, Linear which, Tensor x, Tensor dy, Tensor dx, bool add) {
    if (tap) (*tap)(layer, which, x, dy);
    if (gradients) {
      Block& block = gradients->blocks[layer];
      ops.matmul(dy, true, x, false, block.linear(which), 1, 1);
      if (const Tensor bias = block.bias(which)) ops.add_bias_backward(dy, bias);
    }
    if (dx) ops.linear_backward(dy, model.weights.blocks[layer].matrix(which), dx, add);
  };

  const Tensor dx = rows(work.residual_gradient), inner = rows(work.width_gradient);
  zero(dx);
  normalise_backward(model, rows(work.residual(config.layers)), model.weights.final_norm, rows(work.hidden_scale),
                     hidden_gradient, dx, gradients ? gradients->final_norm : Tensor{},
                     gradients ? gradients->final_norm_bias : Tensor{});
  for (int i = config.layers - 1; i >= 0; --i) {
    const Block& block = model.weights.blocks[i];
    auto& v = work.block(i);
    const bool last = i == 0 && !gradients;  // nothing below the first block's linears is wanted
    const auto of = [&](Tensor Block::*member) { return gradients ? gradients->blocks[i].*member : Tensor{}; };
    // The gradient of a branch's last linear, from that of the residual.
    const auto branch = [&](const Buffer& out, Tensor Block::*weight, const Buffer& scale) {
      if (!design.norm_after) return dx;
      zero(inner);
      normalise_backward(model, rows(out), block.*weight, rows(scale), dx, inner, of(weight), {});
      return inner;
    };
    // Gradients of what the branches read gather in `inner`, or in the residual's itself where there is no norm.
    const Tensor below = design.norm_before ? inner : dx;
    const bool gathers = !design.norm_before;

    const Tensor middle = design.parallel ? rows(work.residual(i)) : rows(v.middle);
    const Tensor mlp_in = design.norm_before ? rows(v.mlp_in) : middle;
    // That of what was activated first, which up's is then written over.
    const Tensor up_gradient = rows(work.up_gradient), gate_gradient = rows(work.gate_gradient);
    linear(i, Linear::down, rows(v.activated), branch(v.mlp_out, &Block::mlp_after, v.mlp_out_scale), up_gradient,
           false);
    if (design.activation == Activation::silu)
      ops.swiglu_backward(rows(v.gate), rows(v.up), up_gradient, gate_gradient, up_gradient);
    else if (design.gated)
      ops.gelu_backward(gelu_of(design), rows(v.gate), rows(v.up), up_gradient, gate_gradient, up_gradient);
    else
      ops.gelu_backward(gelu_of(design), rows(v.up), {}, up_gradient, up_gradient, {});
    if (design.gated) linear(i, Linear::gate, mlp_in, gate_gradient, below, gathers);
    linear(i, Linear::up, mlp_in, up_gradient, below, gathers || design.gated);
    const auto leave_mlp = [&] {
      if (design.norm_before)
        normalise_backward(model, middle, block.mlp_norm, rows(v.mlp_scale), inner, dx, of(&Block::mlp_norm),
                           of(&Block::mlp_norm_bias));
    };
    if (!design.parallel) leave_mlp();

    linear(i, Linear::output, rows(v.attended), branch(v.attention_out, &Block::attention_after, v.attention_out_scale),
           rows(work.attended_gradient), false);
    if (design.parallel) leave_mlp();  // attention's branch needed the gradient as it came from above
    ops.attention_backward(rows(v.query), rows(v.key), rows(v.value), rows(v.attended), rows(v.log_sum),
                           rows(work.attended_gradient), batch.segments, model.heads(i), rows(work.query_gradient),
                           rows(work.key_gradient), rows(work.value_gradient));
    // Back through turn, norm and clipping to what was projected.
    const auto projected = [&](const Buffer& gradient, const Buffer& kept, Tensor Block::*weight, const Buffer& scale,
                               const Buffer& out) {
      const Tensor dy = rows(gradient);
      if (const Tensor table = rope_of(model, i)) ops.rope(dy, angles, table, config.head_width, Rotation::inverse);
      if (config.clip_qkv > 0) ops.clip_backward(rows(kept), config.clip_qkv, dy);
      if (config.clip_qkv > 0 || !(block.*weight)) return dy;
      const Tensor single = norm_rows(config, rows(kept));
      zero(rows(out));
      ops.rms_norm_backward(single, block.*weight, {rows(scale).data, single.rows, 1}, norm_rows(config, dy),
                            norm_rows(config, rows(out)), of(weight));
      return rows(out);
    };
    const Tensor dq = projected(work.query_gradient, v.projected_query, &Block::query_norm, v.query_scale,
                                work.projected_query_gradient);
    const Tensor dk =
        projected(work.key_gradient, v.projected_key, &Block::key_norm, v.key_scale, work.projected_key_gradient);
    if (config.clip_qkv > 0) ops.clip_backward(rows(v.value), config.clip_qkv, rows(work.value_gradient));
    const Tensor attention_in = design.norm_before ? rows(v.attention_in) : rows(work.residual(i));
    const Tensor to = last ? Tensor{} : below;
    linear(i, Linear::query, attention_in, dq, to, gathers);
    linear(i, Linear::key, attention_in, dk, to, true);
    linear(i, Linear::value, attention_in, rows(work.value_gradient), to, true);
    if (last) return;
    if (design.norm_before)
      normalise_backward(model, rows(work.residual(i)), block.attention_norm, rows(v.attention_scale), inner, dx,
                         of(&Block::attention_norm), of(&Block::attention_norm_bias));
  }
  if (!gradients) return;
  if (gradients->positions) ops.embed_backward(positions, dx, gradients->positions);
  if (config.embedding_scale != 1) ops.add(dx, dx, config.embedding_scale - 1);
  ops.embed_backward(ids, dx, gradients->embedding);
}

}  // namespace stemma

#include "runtime/model/forward.h"
#include "runtime/model/norms.h"

namespace stemma {

Tensor tangent(Workspace& work, const Batch& batch, const WeightDirection& direction) {
  const Model& model = work.model();
  expect_f32(model, "differentiating");
  Ops& ops = *model.ops;
  const ModelConfig& config = model.config;
  const BlockDesign& design = config.block;
  const int64_t n = batch.size();
  work.reserve(n, true);
  const auto rows = [n](const Buffer& buffer) { return buffer.view() ? buffer.view().slice(0, n) : Tensor{}; };
  const Ids angles = (work.angles.view() ? work.angles : work.positions).view().slice(0, n);
  const auto zero = [&](Tensor x) { ops.zero(x.data, sizeof(float) * static_cast<size_t>(x.size())); };

  // The residual's tangent, and that of what a branch reads or adds.
  const Tensor dx = rows(work.residual_gradient), inner = rows(work.width_gradient);
  zero(dx);
  bool moves = false;  // the residual: not before the first linears
  for (int i = 0; i < config.layers; ++i) {
    const Block& block = model.weights.blocks[i];
    auto& v = work.block(i);
    // y = x W^T + b: its tangent is that of x times W^T, and x V^T; written, or added. An empty one: x stays.
    const auto linear = [&](Linear which, Tensor x, Tensor x_tangent, Tensor y_tangent, bool add = false) {
      if (x_tangent) ops.matmul(x_tangent, false, block.linear(which), true, y_tangent, 1, add ? 1 : 0);
      const bool begun = add || x_tangent;
      if (const Tensor along = direction(i, which))
        ops.matmul(x, false, along, true, y_tangent, 1, begun ? 1 : 0);
      else if (!begun)
        zero(y_tangent);
    };
    const auto read = [&](Tensor x, Tensor weight, const Buffer& scale) {
      if (!moves) return Tensor{};
      if (!design.norm_before) return dx;
      normalise_tangent(model, x, weight, rows(scale), dx, inner);
      return inner;
    };
    const auto add = [&](Linear which, Tensor x, Tensor branch, const Buffer& out, const Buffer& scale, Tensor weight) {
      moves = true;
      if (!design.norm_after) return linear(which, x, branch, dx, true);
      linear(which, x, branch, inner);
      normalise_tangent(model, rows(out), weight, rows(scale), inner, inner);
      ops.add(inner, dx);
    };

    const Tensor before = rows(work.residual(i)), middle = design.parallel ? before : rows(v.middle);
    const Tensor attention_in = design.norm_before ? rows(v.attention_in) : before;
    const Tensor in_tangent = read(before, block.attention_norm, v.attention_scale);
    // Queries or keys, projected, through clipping or norm and their turn.
    const auto project = [&](Linear which, const Buffer& kept, Tensor weight, const Buffer& scale,
                             const Buffer& projected, const Buffer& to) {
      const Tensor dy = rows(to);
      const bool normed = weight && config.clip_qkv == 0;
      linear(which, attention_in, in_tangent, normed ? rows(projected) : dy);
      if (config.clip_qkv > 0) ops.clip_backward(rows(kept), config.clip_qkv, dy);
      if (normed) {
        const Tensor single = norm_rows(config, rows(kept));
        ops.rms_norm_tangent(single, weight, {rows(scale).data, single.rows, 1}, norm_rows(config, rows(projected)),
                             norm_rows(config, dy));
      }
      if (const Tensor table = rope_of(model, i)) ops.rope(dy, angles, table, config.head_width, Rotation::forward);
      return dy;
    };
    const Tensor dq = project(Linear::query, v.projected_query, block.query_norm, v.query_scale,
                              work.projected_query_gradient, work.query_gradient);
    const Tensor dk = project(Linear::key, v.projected_key, block.key_norm, v.key_scale, work.projected_key_gradient,
                              work.key_gradient);
    const Tensor dv = rows(work.value_gradient), attended = rows(work.attended_gradient);
    linear(Linear::value, attention_in, in_tangent, dv);
    if (config.clip_qkv > 0) ops.clip_backward(rows(v.value), config.clip_qkv, dv);
    ops.attention_tangent(rows(v.query), rows(v.key), rows(v.value), rows(v.log_sum), dq, dk, dv, batch.segments,
                          model.heads(i), attended);

    const Tensor gate = rows(work.gate_gradient), up = rows(work.up_gradient), activated = up;
    const auto enter_mlp = [&] {
      const Tensor y = design.norm_before ? rows(v.mlp_in) : middle, dy = read(middle, block.mlp_norm, v.mlp_scale);
      if (design.gated) linear(Linear::gate, y, dy, gate);
      linear(Linear::up, y, dy, up);
    };
    if (design.parallel) enter_mlp();  // it reads the residual as it was before attention
    add(Linear::output, rows(v.attended), attended, v.attention_out, v.attention_out_scale, block.attention_after);
    if (!design.parallel) enter_mlp();
    if (design.activation == Activation::silu)
      ops.swiglu_tangent(rows(v.gate), rows(v.up), gate, up, activated);
    else if (design.gated)
      ops.gelu_tangent(gelu_of(design), rows(v.gate), rows(v.up), gate, up, activated);
    else
      ops.gelu_tangent(gelu_of(design), rows(v.up), {}, up, {}, activated);
    add(Linear::down, rows(v.activated), activated, v.mlp_out, v.mlp_out_scale, block.mlp_after);
  }
  normalise_tangent(model, rows(work.residual(config.layers)), model.weights.final_norm, rows(work.hidden_scale), dx,
                    inner);
  return inner;
}

}  // namespace stemma

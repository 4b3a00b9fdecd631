#include "runtime/model/forward.h"

namespace stemma {

Tensor forward(Workspace& work, const Batch& batch, KeyValueCache* cache, const Taps* taps) {
  const Model& model = work.model();
  Ops& ops = *model.ops;
  const ModelConfig& config = model.config;
  const int64_t n = batch.size();
  work.reserve(n, false);
  const Ids ids = work.ids.view().slice(0, n), positions = work.positions.view().slice(0, n);
  ops.upload(ids.data, batch.ids.data(), sizeof(int32_t) * batch.ids.size());
  ops.upload(positions.data, batch.positions.data(), sizeof(int32_t) * batch.positions.size());

  const auto rows = [n](const Buffer& buffer) { return buffer.view().slice(0, n); };
  const auto show = [&](Hook hook, int layer, Tensor value) {
    if (taps && taps->wants({hook, layer})) taps->observe({hook, layer}, value);
  };
  const auto linear = [&](Tensor x, Tensor weight, Tensor y) { ops.matmul(x, false, weight, true, y); };

  std::vector<Segment> segments = batch.segments;
  if (cache)
    for (Segment& s : segments) s = {s.query_begin, s.query_end, 0, static_cast<int32_t>(cache->length + n)};

  ops.embed(ids, model.weights.embedding, rows(work.residual[0]));
  show(Hook::embed, 0, rows(work.residual[0]));
  for (int i = 0; i < config.layers; ++i) {
    const Block& block = model.weights.blocks[i];
    auto& v = work.blocks[i];
    const Tensor before = rows(work.residual[i]), middle = rows(v.middle), after = rows(work.residual[i + 1]);

    ops.rms_norm(before, block.attention_norm, config.norm_epsilon, rows(v.attention_in), rows(v.attention_scale));
    linear(rows(v.attention_in), block.query, rows(v.query));
    linear(rows(v.attention_in), block.key, rows(v.key));
    linear(rows(v.attention_in), block.value, rows(v.value));
    ops.rope(rows(v.query), positions, model.rope, config.head_width, Rotation::forward);
    ops.rope(rows(v.key), positions, model.rope, config.head_width, Rotation::forward);
    Tensor keys = rows(v.key), values = rows(v.value);
    if (cache) {
      const auto append = [&](Tensor from, const Buffer& to) {
        ops.copy(to.view().row(cache->length), from.data, sizeof(float) * static_cast<size_t>(from.size()));
        return to.view().slice(0, cache->length + n);
      };
      keys = append(keys, cache->keys[i]);
      values = append(values, cache->values[i]);
    }
    ops.attention(rows(v.query), keys, values, segments, model.heads(), rows(v.attended), rows(v.log_sum));
    linear(rows(v.attended), block.output, middle);
    ops.add(before, middle);
    show(Hook::resid_mid, i, middle);

    ops.rms_norm(middle, block.mlp_norm, config.norm_epsilon, rows(v.mlp_in), rows(v.mlp_scale));
    linear(rows(v.mlp_in), block.gate, rows(v.gate));
    linear(rows(v.mlp_in), block.up, rows(v.up));
    ops.swiglu(rows(v.gate), rows(v.up), rows(v.activated));
    linear(rows(v.activated), block.down, after);
    ops.add(middle, after);
    show(Hook::resid_post, i, after);
  }
  ops.rms_norm(rows(work.residual.back()), model.weights.final_norm, config.norm_epsilon, rows(work.hidden),
               rows(work.hidden_scale));
  show(Hook::final_norm, 0, rows(work.hidden));
  if (cache) cache->length += n;
  return rows(work.hidden);
}

}  // namespace stemma

#include "runtime/model/forward.h"

#include <utility>

#include "runtime/model/norms.h"

namespace stemma {
namespace {

// Rows of the rope tables: the positions, or behind them for texts that LongRoPE's second factors are for.
std::vector<int32_t> angle_rows(const ModelConfig& config, const Batch& batch, bool long_text) {
  std::vector<int32_t> rows = batch.positions;
  for (const Segment& s : batch.segments) {
    if (s.query_begin == s.query_end) continue;
    if (!long_text && !config.long_factors(batch.positions[s.query_end - 1] + 1)) continue;
    for (int32_t n = s.query_begin; n < s.query_end; ++n) rows[n] += config.context;
  }
  return rows;
}

// Every key of a text is turned by the same factors, so what the cache holds of a shorter one is of no use.
void outgrow(Workspace& work, KeyValueCache& cache) {
  Batch before;
  before.add(std::exchange(cache.ids, {}));
  cache.length = 0;
  cache.long_text = true;
  forward(work, before, &cache);
}

}  // namespace

Tensor forward(Workspace& work, const Batch& batch, KeyValueCache* cache, const Taps* taps) {
  const Model& model = work.model();
  Ops& ops = *model.ops;
  const ModelConfig& config = model.config;
  const BlockDesign& design = config.block;
  const int64_t n = batch.size();
  if (cache && !cache->long_text && config.long_factors(cache->length + n)) {
    if (cache->length) outgrow(work, *cache);
    cache->long_text = true;
  }
  work.reserve(n, false);
  const Ids ids = work.ids.view().slice(0, n), positions = work.positions.view().slice(0, n);
  ops.upload(ids.data, batch.ids.data(), sizeof(int32_t) * batch.ids.size());
  ops.upload(positions.data, batch.positions.data(), sizeof(int32_t) * batch.positions.size());
  if (work.angles.view())
    ops.upload(work.angles.view().data, angle_rows(config, batch, cache && cache->long_text).data(),
               sizeof(int32_t) * batch.ids.size());
  const Ids angles = work.angles.view() ? work.angles.view().slice(0, n) : positions;

  const auto rows = [n](const Buffer& buffer) { return buffer.view() ? buffer.view().slice(0, n) : Tensor{}; };
  const auto show = [&](Hook hook, int layer, Tensor value) {
    if (taps && taps->wants({hook, layer})) taps->observe({hook, layer}, value);
  };
  const auto copy = [&](Tensor from, Tensor to) {
    ops.copy(to.data, from.data, sizeof(float) * static_cast<size_t>(from.size()));
  };

  std::vector<Segment> segments = batch.segments;
  if (cache)
    for (Segment& s : segments) s = {s.query_begin, s.query_end, 0, static_cast<int32_t>(cache->length + n)};

  const Tensor start = rows(work.residual[0]);
  ops.embed(ids, model.weights.embedding, start);
  if (config.embedding_scale != 1) ops.add(start, start, config.embedding_scale - 1);
  show(Hook::embed, 0, start);
  if (model.weights.positions) {
    ops.embed(positions, model.weights.positions, rows(work.hidden));
    show(Hook::pos_embed, 0, rows(work.hidden));
    ops.add(rows(work.hidden), start);
  }
  for (int i = 0; i < config.layers; ++i) {
    const Block& block = model.weights.blocks[i];
    auto& v = work.blocks[i];
    const Tensor before = rows(work.residual[i]), middle = rows(v.middle), after = rows(work.residual[i + 1]);
    const auto linear = [&](Tensor x, Linear which, Tensor y) {
      ops.matmul(x, false, block.linear(which), true, y);
      if (const Tensor bias = block.bias(which)) ops.add_bias(bias, y);
    };
    // What a branch reads, and what it adds to the residual x as `sum`.
    const auto read = [&](Tensor x, Tensor weight, Tensor bias, const Buffer& y, const Buffer& scale) {
      if (design.norm_before) normalise(model, x, weight, bias, rows(y), rows(scale));
      return design.norm_before ? rows(y) : x;
    };
    const auto add = [&](Tensor x, Linear which, Tensor branch, const Buffer& out, const Buffer& scale, Tensor weight,
                         Tensor sum, Hook added) {
      linear(branch, which, design.norm_after ? rows(out) : sum);
      if (design.norm_after) normalise(model, rows(out), weight, {}, sum, rows(scale));
      show(added, i, sum);
      ops.add(x, sum);
    };
    // Queries or keys: the norm reads what was projected, the turn is in place.
    const auto project = [&](Tensor x, Linear which, const Buffer& kept, Tensor weight, const Buffer& scale, Tensor y,
                             Hook projected, Hook turned) {
      linear(x, which, kept.view() ? rows(kept) : y);
      if (config.clip_qkv > 0) ops.clip(rows(kept), config.clip_qkv);
      show(projected, i, kept.view() ? rows(kept) : y);
      if (config.clip_qkv > 0) {
        copy(rows(kept), y);
      } else if (weight) {
        const Tensor single = norm_rows(config, rows(kept));
        ops.rms_norm(single, weight, config.norm_epsilon, norm_rows(config, y), {rows(scale).data, single.rows, 1});
      }
      if (const Tensor table = rope_of(model, i)) {
        ops.rope(y, angles, table, config.head_width, Rotation::forward);
        show(turned, i, y);
      }
    };

    show(Hook::resid_pre, i, before);
    const Tensor x = read(before, block.attention_norm, block.attention_norm_bias, v.attention_in, v.attention_scale);
    project(x, Linear::query, v.projected_query, block.query_norm, v.query_scale, rows(v.query),
            Hook::query, Hook::rot_query);
    project(x, Linear::key, v.projected_key, block.key_norm, v.key_scale, rows(v.key), Hook::key,
            Hook::rot_key);
    linear(x, Linear::value, rows(v.value));
    if (config.clip_qkv > 0) ops.clip(rows(v.value), config.clip_qkv);
    show(Hook::value, i, rows(v.value));
    Tensor keys = rows(v.key), values = rows(v.value);
    if (cache) {
      const auto append = [&](Tensor from, const Buffer& to) {
        copy(from, to.view().slice(cache->length, cache->length + n));
        return to.view().slice(0, cache->length + n);
      };
      keys = append(keys, cache->keys[i]);
      values = append(values, cache->values[i]);
    }
    ops.attention(rows(v.query), keys, values, segments, model.heads(i), rows(v.attended), rows(v.log_sum));
    show(Hook::z, i, rows(v.attended));
    add(before, Linear::output, rows(v.attended), v.attention_out, v.attention_out_scale, block.attention_after,
        middle, Hook::attn_out);
    if (!design.parallel) show(Hook::resid_mid, i, middle);

    const Tensor y =
        read(design.parallel ? before : middle, block.mlp_norm, block.mlp_norm_bias, v.mlp_in, v.mlp_scale);
    if (design.gated) linear(y, Linear::gate, rows(v.gate));
    linear(y, Linear::up, rows(v.up));
    show(Hook::mlp_pre, i, design.gated ? rows(v.gate) : rows(v.up));
    if (design.gated) show(Hook::mlp_pre_linear, i, rows(v.up));
    if (design.activation == Activation::silu)
      ops.swiglu(rows(v.gate), rows(v.up), rows(v.activated));
    else if (design.gated)
      ops.gelu(gelu_of(design), rows(v.gate), rows(v.up), rows(v.activated));
    else
      ops.gelu(gelu_of(design), rows(v.up), {}, rows(v.activated));
    show(Hook::mlp_post, i, rows(v.activated));
    add(middle, Linear::down, rows(v.activated), v.mlp_out, v.mlp_out_scale, block.mlp_after, after, Hook::mlp_out);
    show(Hook::resid_post, i, after);
  }
  normalise(model, rows(work.residual.back()), model.weights.final_norm, model.weights.final_norm_bias,
            rows(work.hidden), rows(work.hidden_scale));
  show(Hook::final_norm, 0, rows(work.hidden));
  if (cache) {
    cache->ids.insert(cache->ids.end(), batch.ids.begin(), batch.ids.end());
    cache->length += n;
  }
  return rows(work.hidden);
}

}  // namespace stemma

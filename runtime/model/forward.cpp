#include "runtime/model/forward.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <initializer_list>
#include <span>
#include <utility>

#include "runtime/model/forward_parts.h"
#include "runtime/model/norms.h"

namespace stemma {
namespace {

int32_t length_of(const Segment& s) { return s.query_end - s.query_begin; }

// Rows of the rope tables: the positions, or behind them for texts that LongRoPE's second factors are for.
std::vector<int32_t> angle_rows(const ModelConfig& config, const Batch& batch, std::span<KeyValueCache* const> caches) {
  std::vector<int32_t> rows = batch.positions;
  for (size_t i = 0; i < batch.segments.size(); ++i) {
    const Segment& s = batch.segments[i];
    if (s.query_begin == s.query_end) continue;
    const bool long_text = !caches.empty() && caches[i]->long_text;
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
  KeyValueCache* const one[] = {cache};
  return forward(work, batch, cache ? std::span<KeyValueCache* const>(one) : std::span<KeyValueCache* const>(), taps);
}

Tensor forward(Workspace& work, const Batch& batch, std::span<KeyValueCache* const> caches, const Taps* taps) {
  enter(work, batch, caches);
  const Tensor hidden = run_decoder(work, batch, caches, taps);
  leave(batch, caches);
  return hidden;
}

void enter(Workspace& work, const Batch& batch, std::span<KeyValueCache* const> caches) {
  Ops& ops = *work.model().ops;
  const ModelConfig& config = work.model().config;
  assert(caches.empty() || caches.size() == batch.segments.size());
  for (size_t i = 0; i < caches.size(); ++i)
    if (!caches[i]->long_text && config.long_factors(caches[i]->length + length_of(batch.segments[i]))) {
      if (caches[i]->length) outgrow(work, *caches[i]);
      caches[i]->long_text = true;
    }
  work.reserve(batch.size(), false);
  const auto upload = [&](const IdBuffer& to, const std::vector<int32_t>& from) {
    ops.upload(to.view().data, from.data(), sizeof(int32_t) * from.size());
  };
  upload(work.ids, batch.ids);
  upload(work.positions, batch.positions);
  if (work.angles.view()) upload(work.angles, angle_rows(config, batch, caches));
}

void leave(const Batch& batch, std::span<KeyValueCache* const> caches) {
  for (size_t i = 0; i < caches.size(); ++i) {
    const Segment& s = batch.segments[i];
    caches[i]->ids.insert(caches[i]->ids.end(), batch.ids.begin() + s.query_begin, batch.ids.begin() + s.query_end);
    caches[i]->length += length_of(s);
  }
}

Tensor run_decoder(Workspace& work, const Batch& batch, std::span<KeyValueCache* const> caches, const Taps* taps) {
  const Model& model = work.model();
  Ops& ops = *model.ops;
  const ModelConfig& config = model.config;
  const BlockDesign& design = config.block;
  const int64_t n = batch.size();
  const Ids ids = work.ids.view().slice(0, n), positions = work.positions.view().slice(0, n);
  const Ids angles = work.angles.view() ? work.angles.view().slice(0, n) : positions;
  const bool step = !caches.empty() && std::ranges::all_of(batch.segments, [](auto& s) { return length_of(s) == 1; });
  std::vector<Ops::Text> texts;

  const auto rows = [n](const Buffer& buffer) { return buffer.view() ? buffer.view().slice(0, n) : Tensor{}; };
  const auto show = [&](Hook hook, int layer, Tensor value) {
    if (taps && taps->wants({hook, layer})) taps->observe({hook, layer}, value);
  };
  const auto copy = [&](Tensor from, Tensor to) {
    ops.copy(to.data, from.data, sizeof(float) * static_cast<size_t>(from.size()));
  };

  const Tensor start = rows(work.residual(0));
  ops.embed(ids, model.weights.embedding_matrix, start);
  if (config.embedding_scale != 1) ops.add(start, start, config.embedding_scale - 1);
  show(Hook::embed, 0, start);
  if (model.weights.positions) {
    ops.embed(positions, model.weights.positions, rows(work.hidden));
    show(Hook::pos_embed, 0, rows(work.hidden));
    ops.add(rows(work.hidden), start);
  }
  for (int i = 0; i < config.layers; ++i) {
    const Block& block = model.weights.blocks[i];
    auto& v = work.block(i);
    const Tensor before = rows(work.residual(i)), middle = rows(v.middle), after = rows(work.residual(i + 1));
    struct Output {
      Linear which;
      Tensor y;
    };
    const auto linear = [&](Tensor x, std::initializer_list<Output> outputs) {
      std::array<Ops::Product, linears.size()> products;
      size_t count = 0;
      for (const auto& [which, y] : outputs) products[count++] = {block.matrix(which), y};
      ops.linear(x, std::span(products.data(), count));
      for (const auto& [which, y] : outputs)
        if (const Tensor bias = block.bias(which)) ops.add_bias(bias, y);
    };
    // What a branch reads, and what it adds to the residual x as `sum`.
    const auto read = [&](Tensor x, Tensor weight, Tensor bias, const Buffer& y, const Buffer& scale) {
      if (design.norm_before) normalise(model, x, weight, bias, rows(y), rows(scale));
      return design.norm_before ? rows(y) : x;
    };
    const auto add = [&](Tensor x, Linear which, Tensor branch, const Buffer& out, const Buffer& scale, Tensor weight,
                         Tensor sum, Hook added) {
      linear(branch, {{which, design.norm_after ? rows(out) : sum}});
      if (design.norm_after) normalise(model, rows(out), weight, {}, sum, rows(scale));
      show(added, i, sum);
      ops.add(x, sum);
    };
    // Queries or keys, projected: the norm reads what was, the turn is in place.
    const auto projected = [&](const Buffer& kept, Tensor y) { return kept.view() ? rows(kept) : y; };
    const auto turn = [&](const Buffer& kept, Tensor weight, const Buffer& scale, Tensor y, Hook shown, Hook turned) {
      if (config.clip_qkv > 0) ops.clip(rows(kept), config.clip_qkv);
      show(shown, i, projected(kept, y));
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
    const Tensor query = rows(v.query), key = rows(v.key), value = rows(v.value);
    linear(x, {{Linear::query, projected(v.projected_query, query)},
               {Linear::key, projected(v.projected_key, key)},
               {Linear::value, value}});
    turn(v.projected_query, block.query_norm, v.query_scale, query, Hook::query, Hook::rot_query);
    turn(v.projected_key, block.key_norm, v.key_scale, key, Hook::key, Hook::rot_key);
    if (config.clip_qkv > 0) ops.clip(value, config.clip_qkv);
    show(Hook::value, i, value);
    if (caches.empty()) {
      ops.attention(query, key, value, batch.segments, model.heads(i), rows(v.attended), rows(v.log_sum));
    } else if (step) {
      texts.clear();
      for (const KeyValueCache* cache : caches) texts.push_back({cache->keys[i], cache->values[i]});
      ops.attention_step(query, key, value, positions, texts, model.heads(i), rows(v.attended), rows(v.log_sum));
    } else {
      for (size_t c = 0; c < caches.size(); ++c) {
        const Segment& s = batch.segments[c];
        const auto part = [&](Tensor all) { return all.slice(s.query_begin, s.query_end); };
        const WeightMatrix keys = caches[c]->keys[i], values = caches[c]->values[i];
        const int64_t begin = caches[c]->length, end = begin + length_of(s);
        ops.round(part(key), keys.slice(begin, end));
        ops.round(part(value), values.slice(begin, end));
        const Segment own[] = {{0, length_of(s), 0, static_cast<int32_t>(end)}};
        ops.attention(part(query), keys, values, own, model.heads(i), part(rows(v.attended)), part(rows(v.log_sum)));
      }
    }
    show(Hook::z, i, rows(v.attended));
    add(before, Linear::output, rows(v.attended), v.attention_out, v.attention_out_scale, block.attention_after,
        middle, Hook::attn_out);
    if (!design.parallel) show(Hook::resid_mid, i, middle);

    const Tensor y =
        read(design.parallel ? before : middle, block.mlp_norm, block.mlp_norm_bias, v.mlp_in, v.mlp_scale);
    if (design.gated)
      linear(y, {{Linear::gate, rows(v.gate)}, {Linear::up, rows(v.up)}});
    else
      linear(y, {{Linear::up, rows(v.up)}});
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
  normalise(model, rows(work.residual(config.layers)), model.weights.final_norm, model.weights.final_norm_bias,
            rows(work.hidden), rows(work.hidden_scale));
  show(Hook::final_norm, 0, rows(work.hidden));
  return rows(work.hidden);
}

}  // namespace stemma

#include "runtime/model/queries_keys.h"

#include <numeric>
#include <vector>

#include "runtime/model/norms.h"

namespace stemma {
namespace {

IdBuffer counted_from(const Model& model, int32_t first, int64_t count) {
  std::vector<int32_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), first);
  IdBuffer on(model.ops, count, 1);
  on.upload(numbers.data());
  return on;
}

}  // namespace

QueriesKeys queries_and_keys(const Model& model, int layer, Tensor residual, bool long_text) {
  const ModelConfig& config = model.config;
  const Block& block = model.weights.blocks[static_cast<size_t>(layer)];
  Ops& ops = *model.ops;
  const int64_t n = residual.rows;
  Tensor x = residual;
  Buffer normed;
  if (config.block.norm_before) {
    normed = Buffer(model.ops, n, config.width);
    const Buffer statistics(model.ops, n, config.block.norm == NormKind::layer ? 2 : 1);
    normalise(model, residual, block.attention_norm, block.attention_norm_bias, normed, statistics);
    x = normed;
  }
  const IdBuffer angles = counted_from(model, long_text ? config.context : 0, n);
  const auto project = [&](Linear which, Tensor weight, int heads) {
    Buffer y(model.ops, n, int64_t{heads} * config.head_width);
    ops.linear(x, block.matrix(which), y);
    if (const Tensor bias = block.bias(which)) ops.add_bias(bias, y);
    if (config.clip_qkv > 0) {
      ops.clip(y, config.clip_qkv);
    } else if (weight) {
      Buffer projected = std::move(y);
      y = Buffer(model.ops, n, projected.view().columns);
      const Tensor single = norm_rows(config, projected);
      const Buffer scale(model.ops, single.rows, 1);
      ops.rms_norm(single, weight, config.norm_epsilon, norm_rows(config, y), scale);
    }
    if (const Tensor table = rope_of(model, layer)) ops.rope(y, angles, table, config.head_width, Rotation::forward);
    return y;
  };
  const Buffer keys = project(Linear::key, block.key_norm, config.key_value_heads);
  QueriesKeys made{project(Linear::query, block.query_norm, config.heads),
                   MatrixBuffer(model.ops, model.weights.cache_type(), n, keys.view().columns)};
  ops.round(keys, made.keys);
  return made;
}

void embed_text(const Model& model, std::span<const int32_t> ids, Tensor out) {
  IdBuffer on(model.ops, static_cast<int64_t>(ids.size()), 1);
  on.upload(ids.data());
  model.ops->embed(on, model.weights.embedding_matrix, out);
  if (model.config.embedding_scale != 1) model.ops->add(out, out, model.config.embedding_scale - 1);
  if (!model.weights.positions) return;
  const Buffer positions(model.ops, out.rows, out.columns);
  model.ops->embed(counted_from(model, 0, out.rows), model.weights.positions, positions);
  model.ops->add(positions, out);
}

}  // namespace stemma

#include "kernels/divide_up.h"
#include "runtime/model/model.h"
#include "runtime/model/weight_layout.h"

namespace stemma {
namespace {

constexpr std::array linear_members = {&Block::query, &Block::key, &Block::value, &Block::output,
                                       &Block::gate,  &Block::up,  &Block::down};
constexpr int64_t line = 64;  // bytes that a stored matrix begins at a multiple of

}  // namespace

Tensor Block::linear(Linear which) const { return this->*linear_members[static_cast<size_t>(which)]; }

Tensor Block::bias(Linear which) const {
  const Tensor all[] = {query_bias, key_bias, value_bias, output_bias, gate_bias, up_bias, down_bias};
  return all[static_cast<size_t>(which)];
}

Weights::Weights(const ModelConfig& config, std::shared_ptr<Ops> ops, std::span<const WeightType> types) {
  const std::vector<WeightPlace> places = weight_layout(config);
  const auto type_of = [&](size_t i) { return types.empty() ? WeightType::f32 : types[i]; };
  const auto matrix_at = [&](size_t i, std::byte* data) {
    return WeightMatrix{type_of(i), data, places[i].rows, places[i].columns, ops->interleaves(type_of(i))};
  };
  const auto stored_bytes = [&](size_t i) { return divide_up(matrix_at(i, nullptr).stored_bytes(), line) * line; };
  int64_t numbers = 0, bytes = 0;
  for (size_t i = 0; i < places.size(); ++i)
    if (type_of(i) == WeightType::f32)
      numbers += places[i].rows * places[i].columns;
    else
      bytes += stored_bytes(i);
  flat_ = Buffer(ops, 1, numbers);
  flat_.zero();
  if (bytes) {
    stored_ = BasicBuffer<std::byte>(ops, 1, bytes);
    stored_.zero();
  }

  blocks.resize(static_cast<size_t>(config.layers));
  float* data = flat_.view().data;
  std::byte* stored = stored_.view().data;
  for (size_t i = 0; i < places.size(); ++i) {
    const WeightPlace& place = places[i];
    const bool apart = type_of(i) != WeightType::f32;
    const Tensor tensor{apart ? nullptr : data, place.rows, place.columns};
    const WeightMatrix matrix = apart ? matrix_at(i, stored) : matrix_of(tensor);
    if (apart)
      stored += stored_bytes(i);
    else
      data += tensor.size();
    if (place.in_block) {
      Block& block = blocks[static_cast<size_t>(place.layer)];
      block.*place.in_block = tensor;
      for (const Linear which : linears)
        if (linear_members[static_cast<size_t>(which)] == place.in_block)
          block.matrices[static_cast<size_t>(which)] = matrix;
    } else {
      this->*place.in_model = tensor;
      if (place.in_model == &Weights::embedding) embedding_matrix = matrix;
      if (place.in_model == &Weights::unembedding) unembedding_matrix = matrix;
    }
    named_.push_back({place.name, tensor, matrix, !place.vector, place.at_start});
  }
  if (config.tied) {
    unembedding = embedding;
    unembedding_matrix = embedding_matrix;
  }
}

WeightType cache_type(std::span<const WeightType> weights) {
  WeightType type = WeightType::f32;
  for (const WeightType other : weights) {
    if (other == WeightType::f32) continue;
    if (other != WeightType::bf16) return WeightType::f16;
    type = WeightType::bf16;
  }
  return type;
}

WeightType Weights::cache_type() const {
  std::vector<WeightType> types;
  for (const Named& named : named_) types.push_back(named.matrix.type);
  return stemma::cache_type(types);
}

Weights Weights::rounded(std::shared_ptr<Ops> ops) const {
  Weights to;
  to.embedding = embedding;
  to.positions = positions;
  to.blocks = blocks;
  to.final_norm = final_norm;
  to.final_norm_bias = final_norm_bias;
  to.unembedding = unembedding;
  to.embedding_matrix = embedding_matrix;
  to.unembedding_matrix = unembedding_matrix;
  std::vector<std::pair<Tensor*, WeightMatrix*>> multiplied = {{&to.unembedding, &to.unembedding_matrix}};
  for (Block& block : to.blocks)
    for (size_t i = 0; i < linears.size(); ++i)
      if (block.matrices[i]) multiplied.emplace_back(&(block.*linear_members[i]), &block.matrices[i]);
  const auto bytes_of = [](const Tensor& w) {
    return (w.rows * row_bytes(WeightType::bf16, w.columns) + line - 1) / line * line;
  };
  int64_t bytes = 0;
  for (const auto& [whole, matrix] : multiplied) bytes += bytes_of(*whole);
  to.stored_ = BasicBuffer<std::byte>(ops, 1, bytes);
  std::byte* stored = to.stored_.view().data;
  for (const auto& [whole, matrix] : multiplied) {
    *matrix = {WeightType::bf16, stored, whole->rows, whole->columns};
    ops->round(*whole, *matrix);
    whole->data = nullptr;
    stored += bytes_of(*whole);
  }
  return to;
}

}  // namespace stemma

#include <fmt/format.h>

#include "runtime/model/model.h"
#include "runtime/model/weight_layout.h"

namespace stemma {

namespace {

constexpr std::array block_tensors = {&Block::attention_norm, &Block::query, &Block::key, &Block::value, &Block::output,
                                      &Block::mlp_norm,       &Block::gate,  &Block::up,  &Block::down};
constexpr std::array block_names = {"input_layernorm",  "self_attn.q_proj", "self_attn.k_proj",
                                    "self_attn.v_proj", "self_attn.o_proj", "post_attention_layernorm",
                                    "mlp.gate_proj",    "mlp.up_proj",      "mlp.down_proj"};
constexpr size_t tensors_of_block = block_tensors.size();

bool is_norm(size_t i) { return block_tensors[i] == &Block::attention_norm || block_tensors[i] == &Block::mlp_norm; }
std::string name_in_block(size_t layer, size_t i) {
  return fmt::format("model.layers.{}.{}.weight", layer, block_names[i]);
}

}  // namespace

std::vector<WeightPlace> weight_layout(const ModelConfig& config) {
  const int64_t C = config.width, F = config.mlp_width, V = config.vocabulary;
  const int64_t Q = int64_t{config.heads} * config.head_width, K = int64_t{config.key_value_heads} * config.head_width;
  const std::array<std::pair<int64_t, int64_t>, tensors_of_block> shapes = {
      {{1, C}, {Q, C}, {K, C}, {K, C}, {C, Q}, {1, C}, {F, C}, {F, C}, {C, F}}};
  std::vector<WeightPlace> places = {{"model.embed_tokens.weight", V, C, false}};
  for (size_t layer = 0; layer < static_cast<size_t>(config.layers); ++layer)
    for (size_t i = 0; i < tensors_of_block; ++i)
      places.push_back({name_in_block(layer, i), shapes[i].first, shapes[i].second, is_norm(i)});
  places.push_back({"model.norm.weight", 1, C, true});
  if (!config.tied) places.push_back({"lm_head.weight", V, C, false});
  return places;
}

Tensor Block::linear(Linear which) const {
  switch (which) {
    case Linear::query:
      return query;
    case Linear::key:
      return key;
    case Linear::value:
      return value;
    case Linear::output:
      return output;
    case Linear::gate:
      return gate;
    case Linear::up:
      return up;
    case Linear::down:
      return down;
  }
  return {};
}

Weights::Weights(const ModelConfig& config, std::shared_ptr<Ops> ops) : tied_(config.tied) {
  const std::vector<WeightPlace> places = weight_layout(config);
  int64_t size = 0;
  for (const WeightPlace& place : places) size += place.rows * place.columns;
  flat_ = Buffer(std::move(ops), 1, size);
  flat_.zero();

  float* data = flat_.view().data;
  auto place = places.begin();
  auto take = [&] {
    const Tensor tensor{data, place->rows, place->columns};
    data += tensor.size();
    ++place;
    return tensor;
  };
  embedding = take();
  blocks.resize(static_cast<size_t>(config.layers));
  for (Block& block : blocks)
    for (const auto member : block_tensors) block.*member = take();
  final_norm = take();
  unembedding = tied_ ? embedding : take();
}

std::vector<Weights::Named> Weights::named() const {
  std::vector<Named> all = {{"model.embed_tokens.weight", embedding, true}};
  for (size_t layer = 0; layer < blocks.size(); ++layer)
    for (size_t i = 0; i < tensors_of_block; ++i)
      all.push_back({name_in_block(layer, i), blocks[layer].*block_tensors[i], !is_norm(i)});
  all.push_back({"model.norm.weight", final_norm, false});
  if (!tied_) all.push_back({"lm_head.weight", unembedding, true});
  return all;
}

}  // namespace stemma

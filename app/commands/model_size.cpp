#include "app/commands/model_size.h"

#include "runtime/model/weight_layout.h"

namespace stemma {

std::vector<LinearShape> linear_shapes(const ModelConfig& config) {
  const int64_t width = config.width, queries = int64_t{config.heads} * config.head_width,
                keys = int64_t{config.key_value_heads} * config.head_width, mlp = config.mlp_width;
  std::vector<LinearShape> shapes = {{width, queries}, {width, keys}, {width, keys}, {queries, width}, {width, mlp}};
  if (config.block.gated) shapes.push_back({width, mlp});
  shapes.push_back({mlp, width});
  return shapes;
}

ModelSize size_of(const ModelConfig& config) {
  ModelSize size;
  const auto shapes = linear_shapes(config);
  for (size_t i = 0; i < shapes.size(); ++i)
    (i < 4 ? size.attention : size.mlp) += config.layers * shapes[i].inputs * shapes[i].outputs;
  const int64_t table = int64_t{config.vocabulary} * config.width;
  size.unembedding = config.tied ? 0 : table;
  size.embedding = table + (config.block.learned_positions ? int64_t{config.context} * config.width : 0);
  for (const WeightPlace& place : weight_layout(config))
    if (place.vector) size.norms += place.columns;
  return size;
}

double cache_bytes(const ModelConfig& config, int64_t tokens) {
  return 4.0 * 2 * config.layers * config.key_value_heads * config.head_width * static_cast<double>(tokens);
}

}  // namespace stemma

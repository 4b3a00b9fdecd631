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

double weight_bytes(const ModelConfig& config, WeightType type) {
  double bytes = 0;
  for (const WeightPlace& place : weight_layout(config)) {
    const bool plain = place.vector || place.in_model == &Weights::positions;
    const WeightFormat& format = format_of(plain ? WeightType::f32 : type);
    bytes += static_cast<double>(place.rows * place.columns) * format.bytes / format.elements;
  }
  return bytes;
}

double cache_bytes(const ModelConfig& config, WeightType type, int64_t tokens) {
  const auto row = static_cast<double>(row_bytes(type, int64_t{config.key_value_heads} * config.head_width));
  return 2 * row * config.layers * static_cast<double>(tokens);
}

double workspace_bytes(const ModelConfig& config, int64_t tokens) {
  const double queries = 2.0 * config.heads * config.head_width, keys = 2.0 * config.key_value_heads * config.head_width;
  return 4.0 * static_cast<double>(tokens) * (7.0 * config.width + queries + keys + 3.0 * config.mlp_width);
}

}  // namespace stemma

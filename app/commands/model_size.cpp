#include "app/commands/model_size.h"

namespace stemma {

std::vector<LinearShape> linear_shapes(const ModelConfig& config) {
  const int64_t width = config.width, queries = int64_t{config.heads} * config.head_width,
                keys = int64_t{config.key_value_heads} * config.head_width, mlp = config.mlp_width;
  return {{width, queries}, {width, keys}, {width, keys}, {queries, width}, {width, mlp}, {width, mlp}, {mlp, width}};
}

ModelSize size_of(const ModelConfig& config) {
  ModelSize size;
  const auto shapes = linear_shapes(config);
  for (size_t i = 0; i < shapes.size(); ++i)
    (i < 4 ? size.attention : size.mlp) += config.layers * shapes[i].inputs * shapes[i].outputs;
  size.embedding = int64_t{config.vocabulary} * config.width;
  size.unembedding = config.tied ? 0 : size.embedding;
  size.norms = int64_t{2 * config.layers + 1} * config.width;
  return size;
}

double cache_bytes(const ModelConfig& config, int64_t tokens) {
  return 4.0 * 2 * config.layers * config.key_value_heads * config.head_width * static_cast<double>(tokens);
}

}  // namespace stemma

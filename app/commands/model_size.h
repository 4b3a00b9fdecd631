// How large a decoder is, from its config alone.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/weight_matrix.h"
#include "runtime/model/config.h"

namespace stemma {

struct ModelSize {
  // Parameters: learned positions are the embedding's, biases the norms'; unembedding 0 where tied.
  int64_t embedding = 0, attention = 0, mlp = 0, norms = 0, unembedding = 0;
  int64_t linears() const { return attention + mlp; }  // what influence tracks
  int64_t total() const { return embedding + attention + mlp + norms + unembedding; }
  double bytes() const { return 4.0 * static_cast<double>(total()); }  // in memory, f32
};
ModelSize size_of(const ModelConfig& config);

// In memory: matrices in `type`, vectors and learned positions in f32.
double weight_bytes(const ModelConfig& config, WeightType type);
// Keys and values of `tokens` tokens, kept in `type` (cache_type of runtime/model/model.h).
double cache_bytes(const ModelConfig& config, WeightType type, int64_t tokens);

// What a forward of `tokens` tokens that keeps one block takes beside the cache, f32; about.
double workspace_bytes(const ModelConfig& config, int64_t tokens);

// Shapes (inputs M, outputs P) of one block's linear layers.
struct LinearShape {
  int64_t inputs, outputs;
};
std::vector<LinearShape> linear_shapes(const ModelConfig& config);

}  // namespace stemma

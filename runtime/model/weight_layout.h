// Which tensors a decoder has, in the order of their place in Weights' flat buffer, and where each lies in a
// checkpoint.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/model/model.h"

namespace stemma {

// The part of a checkpoint's tensor that is one of ours: rows [first + b stride, first + b stride + block) for b = 0,
// 1, ...
struct StoredPart {
  std::string name;            // as in a Hugging Face checkpoint: "model.layers.0.self_attn.q_proj.weight"
  std::vector<int64_t> shape;  // of the whole tensor
  int64_t first = 0, block = 0, stride = 0;
  bool transposed = false;  // its rows are our columns
  float added = 0;          // to each number that is read: 1 for Gemma's norms
};

struct WeightPlace {
  std::string name;  // the stored tensor's, and the part where it has several: "....c_attn.weight [key]"
  int64_t rows, columns;
  bool vector;     // (columns) in a checkpoint: norms and biases, which do not decay
  float at_start;  // of a vector in a new model
  StoredPart stored;

  int layer = -1;
  Tensor Block::*in_block = nullptr;
  Tensor Weights::*in_model = nullptr;
};
std::vector<WeightPlace> weight_layout(const ModelConfig& config);

}  // namespace stemma

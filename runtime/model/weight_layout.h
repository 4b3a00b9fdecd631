// Which tensors a decoder has, in the order of their place in Weights' flat buffer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/model/config.h"

namespace stemma {

struct WeightPlace {
  std::string name;  // as in a Hugging Face checkpoint
  int64_t rows, columns;
  bool norm;  // a vector there: (columns)
};
std::vector<WeightPlace> weight_layout(const ModelConfig& config);

}  // namespace stemma

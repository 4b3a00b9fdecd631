// A Llama-type decoder in f64, written apart from the forward that it checks.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/model/forward.h"
#include "tests/support/compare.h"

namespace stemma::test {

struct ReferenceDecoder {
  ModelConfig config;
  std::map<std::string, Matrix> weights;  // by their Hugging Face names

  explicit ReferenceDecoder(const Model& model);
  Matrix hidden(const Batch& batch) const;
  Matrix logits(const Batch& batch) const;
  double loss(const Batch& batch, const std::vector<int32_t>& targets) const;
};

}  // namespace stemma::test

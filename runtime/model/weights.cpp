#include "runtime/model/model.h"
#include "runtime/model/weight_layout.h"

namespace stemma {

Tensor Block::linear(Linear which) const {
  const Tensor all[] = {query, key, value, output, gate, up, down};
  return all[static_cast<size_t>(which)];
}

Tensor Block::bias(Linear which) const {
  const Tensor all[] = {query_bias, key_bias, value_bias, output_bias, gate_bias, up_bias, down_bias};
  return all[static_cast<size_t>(which)];
}

Weights::Weights(const ModelConfig& config, std::shared_ptr<Ops> ops) {
  const std::vector<WeightPlace> places = weight_layout(config);
  int64_t size = 0;
  for (const WeightPlace& place : places) size += place.rows * place.columns;
  flat_ = Buffer(std::move(ops), 1, size);
  flat_.zero();

  blocks.resize(static_cast<size_t>(config.layers));
  float* data = flat_.view().data;
  for (const WeightPlace& place : places) {
    const Tensor tensor{data, place.rows, place.columns};
    data += tensor.size();
    if (place.in_block)
      blocks[static_cast<size_t>(place.layer)].*place.in_block = tensor;
    else
      this->*place.in_model = tensor;
    named_.push_back({place.name, tensor, !place.vector, place.at_start});
  }
  if (config.tied) unembedding = embedding;
}

}  // namespace stemma

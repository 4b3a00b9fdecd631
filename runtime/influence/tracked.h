// The layers that influence is computed over: every linear layer of the blocks, in a fixed order.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/model/model.h"

namespace stemma {

inline size_t tracked_index(const Model& model, int layer, Linear which) {
  const auto in_block = linears_of(model.config);
  const auto place = std::find(in_block.begin(), in_block.end(), which) - in_block.begin();
  return static_cast<size_t>(layer) * in_block.size() + static_cast<size_t>(place);
}
inline size_t tracked_count(const Model& model) {
  return static_cast<size_t>(model.config.layers) * linears_of(model.config).size();
}
inline int tracked_layer(const Model& model, size_t index) {
  return static_cast<int>(index / linears_of(model.config).size());
}
inline Linear tracked_linear(const Model& model, size_t index) {
  return linears_of(model.config)[index % linears_of(model.config).size()];
}

// q, k and v read one input, gate and up another: their A is one matrix, which the first of them owns.
inline size_t owner_of_input(const Model& model, size_t index) {
  Linear which = tracked_linear(model, index);
  if (which == Linear::key || which == Linear::value) which = Linear::query;
  if (which == Linear::up && model.config.block.gated) which = Linear::gate;
  return tracked_index(model, tracked_layer(model, index), which);
}
inline bool owns_input(const Model& model, size_t index) { return owner_of_input(model, index) == index; }

// TransformerLens words: "blocks.0.attn.q", "blocks.0.mlp.down".
inline std::string tracked_name(int layer, Linear which) {
  static const char* names[] = {"attn.q", "attn.k", "attn.v", "attn.o", "mlp.gate", "mlp.up", "mlp.down"};
  return "blocks." + std::to_string(layer) + "." + names[static_cast<size_t>(which)];
}

// A weight (P outputs, M inputs).
inline Tensor tracked_weight(const Model& model, size_t index) {
  return model.weights.blocks[static_cast<size_t>(tracked_layer(model, index))].linear(tracked_linear(model, index));
}

// Those that a list of names means, rising: "all", "mlp", "attn", or names with * for any characters,
// "blocks.0.*, blocks.*.mlp.down".
std::vector<size_t> layers_matching(const Model& model, const std::string& list);
// The same. Throws Error(usage) where one of the list means none.
std::vector<size_t> chosen_layers(const Model& model, const std::string& list);

}  // namespace stemma

// The layers that influence is computed over: every linear layer of the blocks, in a fixed order.
#pragma once

#include <string>

#include "runtime/model/model.h"

namespace stemma {

inline size_t tracked_index(int layer, Linear which) {
  return static_cast<size_t>(layer) * linears.size() + static_cast<size_t>(which);
}
inline size_t tracked_count(const Model& model) { return static_cast<size_t>(model.config.layers) * linears.size(); }

// TransformerLens words: "blocks.0.attn.q", "blocks.0.mlp.down".
inline std::string tracked_name(int layer, Linear which) {
  static const char* names[] = {"attn.q", "attn.k", "attn.v", "attn.o", "mlp.gate", "mlp.up", "mlp.down"};
  return "blocks." + std::to_string(layer) + "." + names[static_cast<size_t>(which)];
}

// A weight (P outputs, M inputs).
inline Tensor tracked_weight(const Model& model, size_t index) {
  return model.weights.blocks[index / linears.size()].linear(linears[index % linears.size()]);
}

}  // namespace stemma

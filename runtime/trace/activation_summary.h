// From recorded residual streams to one number for each layer and token.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/session/session.h"
#include "runtime/trace/trace.h"

namespace stemma {

enum class ActivationQuantity {
  norm,    // |x|: how long the residual stream is
  change,  // |x - x of the layer before|: how much the layer wrote; not measured for the first layer
  cosine,  // cos(x, x of the last layer): how far it already points where it will end
};
const char* name_of(ActivationQuantity quantity);  // "norm", "change", "cosine"
// Throws Error for a name that is none of the three.
ActivationQuantity activation_quantity(const std::string& name);

// A quantity of a trace over layers x tokens, with what is needed to draw and read it. L layers, T tokens.
struct ActivationMap {
  int32_t layers = 0, tokens = 0;
  std::string trace_id, title;           // the trace's
  std::string name;                      // "norm", "change", "cosine"
  std::string quantity;                  // "Norm of the residual stream"
  std::string unit;                      // "" where it has none (a cosine)
  bool diverging = false;                // signed: coloured by the map centred at zero
  std::vector<float> values;             // (L, T), first layer first; NaN where not measured
  std::vector<std::string> layer_names;  // (L) "0", "1", ...
  std::vector<std::string> token_texts;  // (T) printable
  std::vector<int32_t> step_begins;      // (S) first token of each step
  std::vector<std::pair<std::string, std::string>> provenance;  // ("model", "demo"), ...

  float value(int32_t layer, int32_t token) const { return values[static_cast<size_t>(layer) * tokens + token]; }
  bool empty() const { return layers == 0 || tokens == 0; }
};

// `recorded`: residual streams of one trace, one per layer, in any order, of equal shape; they may cover fewer tokens than
// the trace (a generation cut short), never more. Throws Error where shapes disagree or none is given.
ActivationMap summarise_activations(const Trace& trace, const std::vector<Recorded>& recorded,
                                    ActivationQuantity quantity);

}  // namespace stemma

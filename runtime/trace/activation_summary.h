// From residual streams, recorded or computed again, to one number for each layer and token.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/model/model.h"
#include "runtime/progress.h"
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
  std::string trace_id, title;                                  // the trace's
  std::string name;                                             // "norm", "change", "cosine"
  std::string quantity;                                         // "Norm of the residual stream"
  std::string unit;                                             // "" where it has none (a cosine)
  bool recomputed = false;                                      // from the tokens; else recorded during generation
  bool diverging = false;                                       // signed: coloured by the map centred at zero
  std::vector<float> values;                                    // (L, T), first layer first; NaN where not measured
  std::vector<std::string> layer_names;                         // (L) "0", "1", ...
  std::vector<std::string> token_texts;                         // (T) printable
  std::vector<int32_t> step_begins;                             // (S) first token of each step
  std::vector<std::pair<std::string, std::string>> provenance;  // ("model", "demo"), ...

  float value(int32_t layer, int32_t token) const { return values[static_cast<size_t>(layer) * tokens + token]; }
  bool empty() const { return layers == 0 || tokens == 0; }
};

// Residual streams of tokens [begin, begin + count): for each layer, first layer first, (count, width).
struct ResidualBlock {
  int64_t begin = 0, count = 0, width = 0;
  std::vector<const float*> layers;
};

// Makes a map from blocks of tokens, so that no more than a block of activations is ever held. Tokens that no block
// covers are not measured.
class ActivationMapBuilder {
 public:
  // `layer_names`: "0", "1", ...; `origin` says how the activations were come by.
  ActivationMapBuilder(const Trace& trace, std::vector<std::string> layer_names, ActivationQuantity quantity,
                       const std::string& origin);
  void add(const ResidualBlock& block);
  ActivationMap take() { return std::move(map_); }

 private:
  ActivationQuantity quantity_;
  ActivationMap map_;
};

// From the session's files; archive thread. Every hook_resid_post among `sites` is a layer; they may cover fewer tokens
// than the trace (a generation cut short), never more. Throws Error where there is none or shapes disagree.
ActivationMap recorded_map(const std::filesystem::path& session, const Trace& trace,
                           const std::vector<std::string>& sites, ActivationQuantity quantity);

// All three quantities, in the order of the enumeration, from the tokens alone. Throws Error as replay does.
std::vector<ActivationMap> recomputed_maps(const Model& model, const Trace& trace, const Control& control);

}  // namespace stemma

// The decoder families: each a row of data that config.json, the weights' names and the one forward pass follow.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runtime/model/config.h"

namespace stemma {

// Which layers attend in a sliding window, where config.json has no layer_types.
enum class WindowRule { none, every_layer, upper_layers, pattern, without_rope };

// Module names in a Hugging Face checkpoint. Two parts of one name lie in one tensor, stacked in this order, or head by
// head where `fused_by_head`.
struct ModuleNames {
  std::string_view prefix = "model.", embedding = "embed_tokens", positions, layers = "layers", final_norm = "norm",
                   unembedding = "lm_head";
  std::string_view attention_norm = "input_layernorm";
  std::string_view query = "self_attn.q_proj", key = "self_attn.k_proj", value = "self_attn.v_proj";
  std::string_view query_norm = "self_attn.q_norm", key_norm = "self_attn.k_norm";
  std::string_view output = "self_attn.o_proj", attention_after;
  std::string_view mlp_norm = "post_attention_layernorm", gate = "mlp.gate_proj", up = "mlp.up_proj",
                   down = "mlp.down_proj", mlp_after = "post_feedforward_layernorm";
  bool fused_by_head = false;  // (head, {query, key, value}, D) as GPT-NeoX has it
  bool transposed = false;     // the blocks' matrices are (in, out)
};

// Where config.json says it in words of its own, and what its silence means.
struct ConfigKeys {
  std::span<const std::pair<std::string_view, std::string_view>> aliases;  // {the usual key, this family's}
  std::string_view activation = "hidden_act", epsilon = "rms_norm_eps";    // no epsilon key: always the default
  float default_epsilon = 1e-6f, default_theta = 10000;
  int default_context = 2048, default_head_width = 0;  // 0: width / heads
  int default_key_value_heads = 0;                     // 0: as many as heads
  int mlp_ratio = 0;                                   // of the MLP's width where it is not said; 0: it has to be
  bool tied = false;
  bool attention_bias = false, mlp_bias = false;  // whether the family heeds these keys
  float partial_rotary = 0;  // the part of a head that turns unless said; 0: all, and config.json may not say else
  WindowRule window = WindowRule::none;
  int default_window = 4096, window_period = 0;
  bool local_rope = false;  // sliding layers turn by angles of their own
};

struct Family {
  std::string_view architecture, model_type;
  BlockDesign block;
  ModuleNames names;
  ConfigKeys keys;
};

std::span<const Family> families();
// By architecture, or by model_type where that is empty; null where unknown.
const Family* find_family(std::string_view architecture, std::string_view model_type);
// The names of a config's own family; Llama's where it names none.
const Family& family_of(const ModelConfig& config);

}  // namespace stemma

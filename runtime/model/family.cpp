#include "runtime/model/family.h"

namespace stemma {

namespace {

using Alias = std::pair<std::string_view, std::string_view>;

constexpr Alias gpt2_aliases[] = {{"hidden_size", "n_embd"},
                                  {"num_hidden_layers", "n_layer"},
                                  {"num_attention_heads", "n_head"},
                                  {"intermediate_size", "n_inner"},
                                  {"max_position_embeddings", "n_positions"}};

constexpr Alias neox_aliases[] = {{"rope_theta", "rotary_emb_base"}, {"partial_rotary_factor", "rotary_pct"}};

constexpr BlockDesign post_normed = {.norm_before = false, .norm_after = true, .query_norm = QueryNorm::whole};
constexpr ModuleNames post_normed_names = {.attention_after = "post_attention_layernorm"};
constexpr ModuleNames gemma_names = {.attention_after = "post_attention_layernorm",
                                     .mlp_norm = "pre_feedforward_layernorm"};

constexpr ConfigKeys mistral_keys = {
    .default_context = 131072, .default_key_value_heads = 8, .window = WindowRule::every_layer};

constexpr Family table[] = {
    {.architecture = "LlamaForCausalLM", .model_type = "llama", .keys = {.attention_bias = true, .mlp_bias = true}},
    {.architecture = "MistralForCausalLM", .model_type = "mistral", .keys = mistral_keys},
    {.architecture = "MinistralForCausalLM", .model_type = "ministral", .keys = mistral_keys},
    {.architecture = "Qwen2ForCausalLM",
     .model_type = "qwen2",
     .block = {.query_bias = true},
     .keys = {.default_context = 32768, .default_key_value_heads = 32, .window = WindowRule::upper_layers}},
    {.architecture = "Qwen3ForCausalLM",
     .model_type = "qwen3",
     .block = {.query_norm = QueryNorm::per_head},
     .keys = {.default_context = 32768,
              .default_head_width = 128,
              .default_key_value_heads = 32,
              .attention_bias = true,
              .window = WindowRule::upper_layers}},
    {.architecture = "SmolLM3ForCausalLM",
     .model_type = "smollm3",
     .keys = {.default_theta = 2e6f,
              .default_context = 32768,
              .default_key_value_heads = 4,
              .tied = true,
              .attention_bias = true,
              .mlp_bias = true,
              .window = WindowRule::without_rope}},
    {.architecture = "OlmoForCausalLM",
     .model_type = "olmo",
     .block = {.norm = NormKind::layer, .norm_weight = false},
     .keys = {.epsilon = "", .default_epsilon = 1e-5f, .attention_bias = true}},
    {.architecture = "Olmo2ForCausalLM",
     .model_type = "olmo2",
     .block = post_normed,
     .names = post_normed_names,
     .keys = {.default_epsilon = 1e-5f, .attention_bias = true}},
    {.architecture = "Olmo3ForCausalLM",
     .model_type = "olmo3",
     .block = post_normed,
     .names = post_normed_names,
     .keys = {.default_epsilon = 1e-5f,
              .default_theta = 5e5f,
              .attention_bias = true,
              .window = WindowRule::pattern,
              .window_period = 4,
              .local_rope = true}},
    {.architecture = "GPTNeoXForCausalLM",
     .model_type = "gpt_neox",
     .block = {.norm = NormKind::layer,
               .norm_bias = true,
               .parallel = true,
               .gated = false,
               .activation = Activation::gelu,
               .query_bias = true,
               .output_bias = true,
               .mlp_bias = true},
     .names = {.prefix = "gpt_neox.",
               .embedding = "embed_in",
               .final_norm = "final_layer_norm",
               .unembedding = "embed_out",
               .query = "attention.query_key_value",
               .key = "attention.query_key_value",
               .value = "attention.query_key_value",
               .output = "attention.dense",
               .up = "mlp.dense_h_to_4h",
               .down = "mlp.dense_4h_to_h",
               .fused_by_head = true},
     .keys = {.aliases = neox_aliases,
              .epsilon = "layer_norm_eps",
              .default_epsilon = 1e-5f,
              .attention_bias = true,
              .partial_rotary = 0.25f}},
    {.architecture = "GPT2LMHeadModel",
     .model_type = "gpt2",
     .block = {.norm = NormKind::layer,
               .norm_bias = true,
               .learned_positions = true,
               .gated = false,
               .activation = Activation::gelu_tanh,
               .query_bias = true,
               .output_bias = true,
               .mlp_bias = true},
     .names = {.prefix = "transformer.",
               .embedding = "wte",
               .positions = "wpe",
               .layers = "h",
               .final_norm = "ln_f",
               .attention_norm = "ln_1",
               .query = "attn.c_attn",
               .key = "attn.c_attn",
               .value = "attn.c_attn",
               .output = "attn.c_proj",
               .mlp_norm = "ln_2",
               .up = "mlp.c_fc",
               .down = "mlp.c_proj",
               .transposed = true},
     .keys = {.aliases = gpt2_aliases,
              .activation = "activation_function",
              .epsilon = "layer_norm_epsilon",
              .default_epsilon = 1e-5f,
              .default_context = 1024,
              .mlp_ratio = 4,
              .tied = true}},
    {.architecture = "Gemma2ForCausalLM",
     .model_type = "gemma2",
     .block = {.norm_plus_one = true, .norm_after = true, .activation = Activation::gelu_tanh},
     .names = gemma_names,
     .keys = {.activation = "hidden_activation",
              .default_context = 8192,
              .default_head_width = 256,
              .default_key_value_heads = 4,
              .tied = true,
              .attention_bias = true,
              .window = WindowRule::pattern,
              .window_period = 2}},
    {.architecture = "Gemma3ForCausalLM",
     .model_type = "gemma3_text",
     .block = {.norm_plus_one = true,
               .norm_after = true,
               .query_norm = QueryNorm::per_head,
               .activation = Activation::gelu_tanh},
     .names = gemma_names,
     .keys = {.activation = "hidden_activation",
              .default_theta = 1e6f,
              .default_context = 131072,
              .default_head_width = 256,
              .default_key_value_heads = 4,
              .tied = true,
              .attention_bias = true,
              .window = WindowRule::pattern,
              .window_period = 6,
              .local_rope = true}},
    {.architecture = "Phi3ForCausalLM",
     .model_type = "phi3",
     .names = {.query = "self_attn.qkv_proj",
               .key = "self_attn.qkv_proj",
               .value = "self_attn.qkv_proj",
               .gate = "mlp.gate_up_proj",
               .up = "mlp.gate_up_proj"},
     .keys = {.default_epsilon = 1e-5f,
              .default_context = 4096,
              .partial_rotary = 1,
              .window = WindowRule::every_layer,
              .default_window = 0}},
};

}  // namespace

std::span<const Family> families() { return table; }

const Family* find_family(std::string_view architecture, std::string_view model_type) {
  for (const Family& family : table)
    if (architecture.empty() ? model_type == family.model_type : architecture == family.architecture) return &family;
  return nullptr;
}

const Family& family_of(const ModelConfig& config) {
  const Family* family = find_family(config.architecture, "");
  return family ? *family : table[0];
}

}  // namespace stemma

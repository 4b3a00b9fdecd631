// What a Hugging Face config.json says of a decoder.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace stemma {

enum class NormKind { rms, layer };              // x / rms(x); (x - mean) / deviation
enum class QueryNorm { none, per_head, whole };  // of queries and keys, before they are turned
enum class Activation { silu, gelu, gelu_tanh };

// What sets one family's blocks apart from another's. The default is Llama's.
struct BlockDesign {
  NormKind norm = NormKind::rms;
  bool norm_weight = true, norm_bias = false;
  bool norm_plus_one = false;                   // checkpoints hold weight - 1
  bool norm_before = true, norm_after = false;  // of what a branch reads; of what it adds to the residual
  QueryNorm query_norm = QueryNorm::none;
  bool parallel = false;           // the MLP reads what attention read: x + attention(x) + mlp(x)
  bool learned_positions = false;  // added to the embedding; else queries and keys are turned
  bool gated = true;
  Activation activation = Activation::silu;
  bool query_bias = false, output_bias = false, mlp_bias = false;  // query_bias: of queries, keys and values

  bool operator==(const BlockDesign&) const = default;
};

// How the angles of rotary positions (Su et al. 2021) are stretched beyond the context that a model was trained on.
struct RopeScaling {
  enum class Kind { none, linear, llama3, yarn, longrope };
  Kind kind = Kind::none;
  int width = 0;                                            // columns of a head that turn; 0: all
  float factor = 1, low_frequency = 1, high_frequency = 4;  // linear and llama3
  float fast = 32, slow = 1;                                // YaRN (Peng et al. 2023), turns in the original context
  bool whole_bounds = true;
  float magnitude = 1;  // of cosines and sines
  int original_context = 0;
  std::vector<float> short_factors,
      long_factors;  // LongRoPE (Ding et al. 2024): texts up to, beyond the original context

  bool operator==(const RopeScaling&) const = default;
};

enum class RopeUse { none, global, local };  // local: sliding layers' own, never stretched
struct LayerKind {
  int window = 0;  // keys that a query sees, itself among them; 0: all before it
  RopeUse rope = RopeUse::global;

  bool operator==(const LayerKind&) const = default;
};

struct ModelConfig {
  std::string architecture;  // "LlamaForCausalLM"
  std::string dtype;         // as stored, or as load_model rounded it: "float32"
  int layers = 0, width = 0, heads = 0, key_value_heads = 0, head_width = 0, mlp_width = 0, vocabulary = 0, context = 0;
  float norm_epsilon = 1e-5f, rope_theta = 10000;
  bool tied = true;  // the unembedding is the embedding
  int bos = -1, eos = -1;  // eos: what ends a document
  std::vector<int> ends;   // all tokens that end a generation: of config.json, generation_config.json and the tokenizer
  float initializer_range = 0.02f;

  BlockDesign block;
  RopeScaling rope;
  float local_rope_theta = 10000;
  std::vector<LayerKind> kinds;  // per layer; empty: all as LayerKind{}
  float embedding_scale = 1;
  float attention_scale = 0;               // of q . k; 0: 1/sqrt(head_width)
  float attention_cap = 0, logit_cap = 0;  // x -> cap tanh(x / cap); 0: none
  float clip_qkv = 0;                      // largest magnitude of queries, keys and values; 0: any
  std::string source;                      // the config.json it was read from; empty where it was made here

  bool ends_text(int id) const { return id == eos || std::find(ends.begin(), ends.end(), id) != ends.end(); }
  LayerKind kind(int layer) const { return kinds.empty() ? LayerKind{} : kinds[static_cast<size_t>(layer)]; }
  int rope_width() const { return rope.width ? rope.width : head_width; }
  bool long_factors(int64_t tokens) const {  // LongRoPE's second set of factors is for texts this long
    return rope.kind == RopeScaling::Kind::longrope && tokens > rope.original_context;
  }
};

inline constexpr uint64_t largest_config = 4'000'000;  // bytes of a config.json

// Throws Error: missing, not JSON, unknown architecture, a feature that is not supported (by name), absurd sizes.
ModelConfig read_config(const std::filesystem::path& folder);
ModelConfig parse_config(std::string_view text, const std::string& file);  // `file` is for messages
void write_config(const ModelConfig& config, const std::filesystem::path& folder);

}  // namespace stemma

// What a Hugging Face config.json says of a decoder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace stemma {

struct ModelConfig {
  std::string architecture;  // "LlamaForCausalLM"
  std::string dtype;         // as stored: "float32"
  int layers = 0, width = 0, heads = 0, key_value_heads = 0, head_width = 0, mlp_width = 0, vocabulary = 0, context = 0;
  float norm_epsilon = 1e-5f, rope_theta = 10000;
  bool tied = true;  // the unembedding is the embedding
  int bos = -1, eos = -1;
  float initializer_range = 0.02f;
};

// Throws Error: missing, not JSON, unknown architecture, a feature that is not supported (by name), absurd sizes.
ModelConfig read_config(const std::filesystem::path& folder);
ModelConfig parse_config(std::string_view text, const std::string& file);  // `file` is for messages
void write_config(const ModelConfig& config, const std::filesystem::path& folder);

}  // namespace stemma

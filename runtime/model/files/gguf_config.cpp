#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/error.h"
#include "runtime/model/family.h"
#include "runtime/model/files/gguf_model.h"
#include "runtime/model/files/json_file.h"

namespace stemma {

namespace {

using nlohmann::json;

// The names of a family in both worlds. Mistral's models call themselves llama there, OLMo 3's olmo2.
constexpr std::pair<std::string_view, std::string_view> architectures[] = {
    {"llama", "LlamaForCausalLM"},   {"qwen2", "Qwen2ForCausalLM"},     {"qwen3", "Qwen3ForCausalLM"},
    {"gemma2", "Gemma2ForCausalLM"}, {"gemma3", "Gemma3ForCausalLM"},   {"olmo", "OlmoForCausalLM"},
    {"olmo2", "Olmo2ForCausalLM"},   {"gptneox", "GPTNeoXForCausalLM"}, {"gpt2", "GPT2LMHeadModel"},
    {"phi3", "Phi3ForCausalLM"},     {"smollm3", "SmolLM3ForCausalLM"}};

class ConfigOfGguf {
 public:
  explicit ConfigOfGguf(const Gguf& gguf) : gguf_(gguf) {
    const auto named = gguf.text("general.architecture");
    if (!named)
      throw Error(
          ErrorCode::bad_file,
          fmt::format("{}: names no architecture (general.architecture); convert the model again", gguf.file()));
    family_ = *named;
    if (const int64_t parts = gguf.integer("split.count").value_or(1); parts > 1)
      throw Error(ErrorCode::unsupported,
                  fmt::format("{}: is one of {} parts of a model; join them with llama-gguf-split --merge", gguf.file(),
                              parts));
  }

  std::string text() {
    name_architecture();
    sizes();
    norms_and_heads();
    rotary();
    windows();
    if (family_ == "gemma2") scale_queries(46);
    if (family_ == "gemma3") scale_queries(62);
    use_own_words();
    return config_.dump(-1, ' ', false, json::error_handler_t::replace);
  }

 private:
  std::string key(std::string_view name) const { return fmt::format("{}.{}", family_, name); }
  std::optional<int64_t> integer(std::string_view name) const { return gguf_.integer(key(name)); }
  std::optional<double> number(std::string_view name) const { return gguf_.number(key(name)); }
  const StoredTensor* tensor(std::string_view name) const {
    for (const StoredTensor& tensor : gguf_.tensors())
      if (tensor.name == name) return &tensor;
    return nullptr;
  }
  template <class Value>
  void copy(const char* to, const std::optional<Value>& value) {
    if (value) config_[to] = *value;
  }
  std::vector<float> floats(std::string_view name) const {
    const StoredTensor* stored = tensor(name);
    std::vector<float> values(stored ? static_cast<size_t>(std::min<int64_t>(stored->size(), 1 << 16)) : 0);
    if (stored) read_f32(*stored, 0, values, gguf_.file());
    return values;
  }

  void name_architecture() {
    std::string name(family_);
    const int64_t experts = integer("expert_count").value_or(0);
    if (gguf_.has(key("classifier.output_labels")))
      name += "ForSequenceClassification";
    else if (experts > 0)
      config_["num_experts"] = experts;
    else
      for (const auto& [theirs, ours] : architectures)
        if (theirs == family_) name = ours;
    if (name == "Olmo2ForCausalLM" && integer("attention.sliding_window").value_or(0) > 0) name = "Olmo3ForCausalLM";
    config_["architectures"] = {name};
    if (find_family(name, "")) refuse_other_scales();
  }

  // What other families' files say of their numbers; no known family computes so.
  void refuse_other_scales() const {
    for (const auto& [name, neutral] : {std::pair("logit_scale", 1.0),
                                        {"embedding_scale", 1.0},
                                        {"residual_scale", 1.0},
                                        {"attention.scale", 0.0},
                                        {"attention.max_alibi_bias", 0.0},
                                        {"rope.scaling.yarn_log_multiplier", 0.0}})
      if (number(name).value_or(neutral) != neutral)
        throw Error(ErrorCode::unsupported,
                    fmt::format("{}: scales its numbers by '{}', which is not supported", gguf_.file(), key(name)));
    if (!gguf_.flag(key("attention.causal")).value_or(true))
      throw Error(ErrorCode::unsupported,
                  fmt::format("{}: asks for attention to later tokens ('{}'), which is not supported", gguf_.file(),
                              key("attention.causal")));
  }

  void sizes() {
    copy("num_hidden_layers", integer("block_count"));
    copy("hidden_size", integer("embedding_length"));
    copy("intermediate_size", integer("feed_forward_length"));
    copy("num_attention_heads", integer("attention.head_count"));
    copy("num_key_value_heads", integer("attention.head_count_kv"));
    copy("max_position_embeddings", integer("context_length"));
    copy("bos_token_id", gguf_.integer("tokenizer.ggml.bos_token_id"));
    for (const char* end : {"eos", "eot", "eom"})  // of a text, a turn, a message
      if (const auto id = gguf_.integer(fmt::format("tokenizer.ggml.{}_token_id", end)))
        config_["eos_token_id"].push_back(*id);
    const auto tokens = gguf_.metadata().find("tokenizer.ggml.tokens");
    if (tokens != gguf_.metadata().end()) config_["vocab_size"] = tokens->second.count;
    if (const StoredTensor* embedding = tensor("token_embd.weight")) config_["vocab_size"] = embedding->shape.front();
    if (!gguf_.tensors().empty()) config_["tie_word_embeddings"] = !tensor("output.weight");
    const StoredTensor* linear = tensor("blk.0.ffn_up.weight");
    config_["torch_dtype"] = linear ? linear->dtype : "float32";
  }

  void norms_and_heads() {
    const auto epsilon = number("attention.layer_norm_rms_epsilon"), plain = number("attention.layer_norm_epsilon");
    copy("rms_norm_eps", epsilon);
    copy("layer_norm_eps", plain);      // GPT-NeoX
    copy("layer_norm_epsilon", plain);  // GPT-2
    const auto width = integer("attention.key_length");
    if (width && integer("attention.value_length").value_or(*width) != *width)
      throw Error(ErrorCode::unsupported,
                  fmt::format("{}: its keys and values differ in width, which no known family has", gguf_.file()));
    copy("head_dim", width);
    config_["attention_bias"] = tensor("blk.0.attn_q.bias") || tensor("blk.0.attn_qkv.bias");
    config_["mlp_bias"] = tensor("blk.0.ffn_up.bias") != nullptr;
    if (family_ == "gptneox")
      config_["use_parallel_residual"] = gguf_.flag(key("use_parallel_residual")).value_or(true);
    copy("clip_qkv", number("attention.clamp_kqv"));
    copy("attn_logit_softcapping", number("attn_logit_softcapping"));
    copy("final_logit_softcapping", number("final_logit_softcapping"));
  }

  int64_t head_width() const {
    const int64_t heads = std::max<int64_t>(integer("attention.head_count").value_or(1), 1);
    return std::max<int64_t>(integer("attention.key_length").value_or(integer("embedding_length").value_or(0) / heads),
                             1);
  }

  void rotary() {
    copy("rope_theta", number("rope.freq_base"));
    copy("rope_local_base_freq", number("rope.freq_base_swa"));
    if (const auto turned = integer("rope.dimension_count"))
      config_["partial_rotary_factor"] = static_cast<double>(*turned) / static_cast<double>(head_width());
    const auto longer = floats("rope_factors_long.weight"), shorter = floats("rope_factors_short.weight");
    const auto each = floats("rope_freqs.weight");
    const int64_t context = integer("context_length").value_or(0),
                  original = integer("rope.scaling.original_context_length").value_or(context);
    if (!longer.empty() && !shorter.empty()) {
      config_["original_max_position_embeddings"] = original;
      config_["rope_scaling"] = {{"rope_type", "longrope"}, {"long_factor", longer}, {"short_factor", shorter}};
      if (const auto magnitude = number("rope.scaling.attn_factor"))
        config_["rope_scaling"]["attention_factor"] = *magnitude;
    } else if (!each.empty()) {
      // What Llama 3.1's scaling divides each pair's frequency by; the terms that it came from are not kept.
      config_["original_max_position_embeddings"] = context;
      config_["rope_scaling"] = {{"rope_type", "longrope"},
                                 {"long_factor", each},
                                 {"short_factor", each},
                                 {"attention_factor", 1.0},
                                 {"original_max_position_embeddings", context}};
    } else if (const auto kind = gguf_.text(key("rope.scaling.type")); kind && *kind != "none") {
      json scaling = {{"rope_type", std::string(*kind)}, {"original_max_position_embeddings", original}};
      for (const auto& [to, from] : {std::pair("factor", "rope.scaling.factor"),
                                     {"attention_factor", "rope.scaling.yarn_attn_factor"},
                                     {"beta_fast", "rope.scaling.yarn_beta_fast"},
                                     {"beta_slow", "rope.scaling.yarn_beta_slow"}})
        if (const auto value = number(from)) scaling[to] = *value;
      config_["rope_scaling"] = scaling;
    } else if (const double stretch = number("rope.scale_linear").value_or(1); stretch != 1) {  // older files
      config_["rope_scaling"] = {{"rope_type", "linear"}, {"factor", stretch}};
    }
  }

  void windows() {
    const auto window = integer("attention.sliding_window");
    if (!window || *window <= 0) {
      if (family_ != "llama" && family_ != "gemma2") config_["sliding_window"] = nullptr;
      return;
    }
    config_["sliding_window"] = *window;
    const auto pattern = gguf_.metadata().find(key("attention.sliding_window_pattern"));
    if (pattern == gguf_.metadata().end()) return;
    if (!pattern->second.array) {
      config_["sliding_window_pattern"] = *integer("attention.sliding_window_pattern");
      return;
    }
    json kinds = json::array();
    for (const bool slides : gguf_.flags(key("attention.sliding_window_pattern")))
      kinds.push_back(slides ? "sliding_attention" : "full_attention");
    config_["layer_types"] = kinds;
  }

  // Gemma's scale of queries is not kept: a head's width, but width by heads in the largest model, told by its layers.
  void scale_queries(int64_t layers_of_the_largest) {
    const int64_t heads = std::max<int64_t>(integer("attention.head_count").value_or(1), 1);
    const bool largest = integer("block_count") == layers_of_the_largest;
    config_["query_pre_attn_scalar"] = largest ? integer("embedding_length").value_or(0) / heads : head_width();
  }

  // Where the family's config.json calls things otherwise: GPT-2's n_layer.
  void use_own_words() {
    const std::string architecture = config_["architectures"][0];
    const Family* family = find_family(architecture, "");
    if (!family) return;
    for (const auto& [usual, own] : family->keys.aliases)
      if (const std::string key(usual); config_.contains(key)) config_[std::string(own)] = config_[key];
  }

  const Gguf& gguf_;
  std::string_view family_;
  json config_;
};

}  // namespace

std::string gguf_config(const Gguf& gguf) { return ConfigOfGguf(gguf).text(); }

}  // namespace stemma

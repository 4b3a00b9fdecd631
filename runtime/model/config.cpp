#include "runtime/model/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <vector>

#include "runtime/error.h"
#include "runtime/model/config_layers.h"
#include "runtime/model/config_reader.h"
#include "runtime/model/family.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/files/replace_file.h"

namespace stemma {

namespace {

using nlohmann::json;

constexpr int64_t layer_limit = 4096, rope_limit = 1 << 28;
constexpr double parameter_limit = 0x1p40;
constexpr const char* quantised = "quantised weights";

std::string first_architecture(const ConfigReader& reader) {
  const json* names = reader.find("architectures");
  return names && names->is_array() && !names->empty() && names->front().is_string() ? names->front().get<std::string>()
                                                                                     : "";
}

// The words for an architecture that no family is: what it is, as far as its name tells.
std::string stranger(const ConfigReader& reader) {
  const std::string architecture = first_architecture(reader), type = reader.text("model_type", "");
  if (architecture.empty() && type.empty()) return "the architecture that it does not name";
  const std::string name = architecture.empty() ? type : architecture;
  const auto has = [&](std::string_view part) { return name.find(part) != std::string::npos; };
  const char* kind = "";
  const auto says = [&](std::initializer_list<const char*> keys) {
    return std::any_of(keys.begin(), keys.end(), [&](const char* key) { return reader.find(key); });
  };
  if (has("Classification") || has("RewardModel") || has("QuestionAnswering"))
    kind = ", a classifier and no language model";
  else if (has("MaskedLM"))
    kind = ", which fills gaps and writes no text";
  else if (has("VL") || has("Vision") || says({"vision_config", "audio_config"}))
    kind = ", which reads more than text";
  else if (reader.flag("is_encoder_decoder", false))
    kind = ", an encoder with a decoder";
  else if (has("Moe") || has("MoE") || has("Mixtral") ||
           says({"num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"}))
    kind = ", a mixture of experts";
  else if (has("ConditionalGeneration"))
    kind = ", which reads more than text";
  return "the architecture " + in_quotes(name) + kind;
}

// Remote code that only repeats the family's own: Phi-3's first releases name both.
bool own_code(const ConfigReader& reader, const Family& family) {
  const json* map = reader.find("auto_map");
  if (!map || !map->is_object() || !map->contains("AutoModelForCausalLM")) return false;
  const json& code = (*map)["AutoModelForCausalLM"];
  return code.is_string() && code.get<std::string>().ends_with("." + std::string(family.architecture));
}

// What a known family has in settings that this program would compute wrongly, each as a phrase.
void check_settings(const ConfigReader& reader, std::vector<std::string>& reasons) {
  const std::pair<const char*, const char*> flags[] = {
      {"use_bidirectional_attention", "attention to later tokens"},
      {"add_cross_attention", "attention to a second text"},
      {"is_encoder_decoder", "an encoder with a decoder"},
      {"scale_attn_by_inverse_layer_idx", "attention scaled by layer"}};
  for (const auto& [key, phrase] : flags)
    if (reader.flag(key, false)) reasons.push_back(fmt::format("{} ({})", phrase, key));
}

void check_stranger(const ConfigReader& reader, const Family* family, std::vector<std::string>& reasons) {
  const std::string type = reader.text("model_type", "");
  if (!family)
    reasons.push_back(stranger(reader));
  else if (!type.empty() && type != family->model_type)
    reasons.push_back(fmt::format("the model type {} in a {} (model_type)", in_quotes(type), family->architecture));
  if (reader.find("auto_map") && !(family && own_code(reader, *family)))
    reasons.push_back("code of its own (auto_map)");
  for (const char* key : {"quantization_config", "compression_config"}) {
    const json* quantization = reader.find(key);
    if (!quantization) continue;
    const bool named = quantization->is_object() && quantization->contains("quant_method") &&
                       (*quantization)["quant_method"].is_string();
    reasons.push_back(
        fmt::format("{} ({})", quantised, named ? in_quotes((*quantization)["quant_method"].get<std::string>()) : key));
  }
}

[[noreturn]] void refuse_all(const std::string& file, const std::vector<std::string>& reasons, const Family* family) {
  std::string remedy;
  if (!family) {
    for (const Family& known : families())
      remedy += fmt::format("{}{}", remedy.empty() ? "" : ", ", known.architecture);
    remedy = "; the known models are " + remedy;
  } else if (reasons.back().starts_with(quantised)) {
    remedy = "; take the model as it was before, or a GGUF file of it";
  }
  throw Error(ErrorCode::unsupported,
              fmt::format("{}: asks for {}, which is not supported{}", file, fmt::join(reasons, ", "), remedy));
}

void read_activation(const ConfigReader& reader, const Family& family, ModelConfig& config,
                     std::vector<std::string>& reasons) {
  const std::string name = reader.text(family.keys.activation, "");
  if (name == "silu" || name == "swish")
    config.block.activation = Activation::silu;
  else if (name == "gelu")
    config.block.activation = Activation::gelu;
  else if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast")
    config.block.activation = Activation::gelu_tanh;
  else if (!name.empty())
    reasons.push_back("the activation " + in_quotes(name));
  if (config.block.activation == Activation::silu && !config.block.gated)
    reasons.push_back("the activation " + in_quotes(name));
}

void read_block(const ConfigReader& reader, const Family& family, ModelConfig& config) {
  if (family.keys.attention_bias) {
    config.block.query_bias = reader.flag("attention_bias", family.block.query_bias);
    config.block.output_bias = config.block.query_bias;
  }
  if (family.keys.mlp_bias) config.block.mlp_bias = reader.flag("mlp_bias", false);
  if (family.block.parallel) config.block.parallel = reader.flag("use_parallel_residual", true);
}

// Factors and caps that only some families have.
void read_scales(const ConfigReader& reader, const Family& family, ModelConfig& config) {
  if (family.model_type == "olmo") config.clip_qkv = reader.find("clip_qkv") ? reader.number("clip_qkv", 1) : 0;
  if (family.model_type == "gpt2" && !reader.flag("scale_attn_weights", true)) config.attention_scale = 1;
  if (!family.model_type.starts_with("gemma")) return;
  config.embedding_scale = std::sqrt(static_cast<float>(config.width));
  config.attention_scale = 1 / std::sqrt(reader.number("query_pre_attn_scalar", 256));
  const auto cap = [&](const char* key, float otherwise) {
    if (!reader.says(key)) return family.model_type == "gemma2" ? otherwise : 0;
    return reader.find(key) ? reader.number(key, otherwise) : 0;
  };
  if (family.model_type == "gemma2") config.attention_cap = cap("attn_logit_softcapping", 50);  // Gemma 3 heeds none
  config.logit_cap = cap("final_logit_softcapping", 30);
}

void check_sizes(const ModelConfig& config, const ConfigReader& reader) {
  if (config.heads % config.key_value_heads)
    reader.refuse(
        fmt::format("{} attention heads are no multiple of {} key-value heads", config.heads, config.key_value_heads));
  if (config.head_width % 2 && !config.block.learned_positions && !config.rope.width)
    reader.refuse(fmt::format("a head of width {} cannot be turned in pairs", config.head_width));
  if (int64_t{config.heads} * config.head_width >= config_size_limit)
    reader.refuse(fmt::format("{} heads of width {} are too many", config.heads, config.head_width));
  if (int64_t{config.context} * config.head_width > rope_limit)
    reader.refuse(
        fmt::format("a context of {} tokens is longer than this program can hold positions for", config.context));
  const double width = config.width,
               layer = width * config.mlp_width * 3 + width * config.heads * config.head_width * 4;
  if (layer * config.layers + 2 * width * config.vocabulary > parameter_limit)
    reader.refuse("its sizes make a model of more than a trillion parameters; it is damaged");
}

}  // namespace

ModelConfig parse_config(std::string_view text, const std::string& file) {
  const json document = parse_json_object(text, file);
  const ConfigReader plain(document, file);
  const Family* found = find_family(first_architecture(plain), plain.text("model_type", ""));
  std::vector<std::string> reasons;
  check_stranger(plain, found, reasons);
  if (!reasons.empty()) refuse_all(file, reasons, found);  // the rest are questions to ask of a known family

  const Family& family = *found;
  const ConfigReader reader(document, file, family.keys.aliases);
  ModelConfig config;
  config.source = text;
  config.architecture = family.architecture;
  config.block = family.block;
  config.dtype = reader.text("dtype", reader.text("torch_dtype", "float32"));
  config.layers = reader.size("num_hidden_layers", -1, layer_limit);
  config.width = reader.size("hidden_size");
  config.heads = reader.size("num_attention_heads");
  const bool silent = !reader.says("num_key_value_heads") && family.keys.default_key_value_heads;
  config.key_value_heads =
      reader.size("num_key_value_heads", silent ? family.keys.default_key_value_heads : config.heads);
  config.head_width = reader.size("head_dim", family.keys.default_head_width);
  if (!config.head_width) {
    if (config.width % config.heads)
      reader.refuse(fmt::format("a width of {} cannot be split into {} heads", config.width, config.heads));
    config.head_width = config.width / config.heads;
  }
  config.mlp_width =
      reader.size("intermediate_size", family.keys.mlp_ratio ? family.keys.mlp_ratio * config.width : -1);
  config.vocabulary = reader.size("vocab_size");
  config.context = reader.size("max_position_embeddings", family.keys.default_context);
  config.norm_epsilon = family.keys.epsilon.empty() ? family.keys.default_epsilon
                                                    : reader.number(family.keys.epsilon, family.keys.default_epsilon);
  config.tied = reader.flag("tie_word_embeddings", family.keys.tied);
  if (const auto ids = reader.tokens("bos_token_id"); !ids.empty()) config.bos = ids.front();
  config.ends = reader.tokens("eos_token_id");
  if (!config.ends.empty()) config.eos = config.ends.front();
  config.initializer_range = reader.number("initializer_range", 0.02f);
  check_sizes(config, reader);
  check_settings(reader, reasons);
  read_activation(reader, family, config, reasons);
  read_block(reader, family, config);
  read_scales(reader, family, config);
  read_rope(reader, family, config, reasons);
  read_kinds(reader, family, config, reasons);
  if (!reasons.empty()) refuse_all(file, reasons, found);
  return config;
}

namespace {

// A model that chats ends its turn with a token that often only this file names.
void add_ends(ModelConfig& config, const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return;
  const std::string file = path.string();
  const json document = parse_json_object(read_text(path, largest_config), file);
  for (const int id : ConfigReader(document, file).tokens("eos_token_id"))
    if (!config.ends_text(id)) config.ends.push_back(id);
}

}  // namespace

ModelConfig read_config(const std::filesystem::path& folder) {
  const auto path = folder / "config.json";
  if (!std::filesystem::is_directory(folder))
    throw Error(ErrorCode::not_found, fmt::format("{}: there is no such model folder", folder.string()));
  ModelConfig config = parse_config(read_text(path, largest_config), path.string());
  add_ends(config, folder / "generation_config.json");
  return config;
}

namespace {

void write_document(const nlohmann::ordered_json& document, const std::filesystem::path& folder) {
  FileReplacement file(folder / "config.json");
  file.write(document.dump(2) + "\n");
  file.commit();
}

}  // namespace

// A config that was read is written as it was but for the type of the weights; one made here is Llama's.
void write_config(const ModelConfig& config, const std::filesystem::path& folder) {
  if (!config.source.empty()) {
    nlohmann::ordered_json document = nlohmann::ordered_json::parse(config.source);
    document.erase(document.contains("dtype") ? "torch_dtype" : "dtype");
    document[document.contains("dtype") ? "dtype" : "torch_dtype"] = config.dtype;
    return write_document(document, folder);
  }
  // Floats are written as their shortest decimal, so that 1e-5f reads back as 1e-05.
  auto decimal = [](float x) { return std::stod(fmt::format("{}", x)); };
  nlohmann::ordered_json document = {
      {"architectures", {config.architecture}},
      {"model_type", family_of(config).model_type},
      {"attention_bias", false},
      {"mlp_bias", false},
      {"hidden_act", "silu"},
      {"hidden_size", config.width},
      {"intermediate_size", config.mlp_width},
      {"num_hidden_layers", config.layers},
      {"num_attention_heads", config.heads},
      {"num_key_value_heads", config.key_value_heads},
      {"head_dim", config.head_width},
      {"vocab_size", config.vocabulary},
      {"max_position_embeddings", config.context},
      {"rms_norm_eps", decimal(config.norm_epsilon)},
      {"rope_theta", decimal(config.rope_theta)},
      {"rope_scaling", nullptr},
      {"tie_word_embeddings", config.tied},
      {"initializer_range", decimal(config.initializer_range)},
      {"torch_dtype", config.dtype},
      {"bos_token_id", nullptr},
      {"eos_token_id", nullptr},
  };
  if (config.bos >= 0) document["bos_token_id"] = config.bos;
  if (config.eos >= 0) document["eos_token_id"] = config.eos;
  write_document(document, folder);
}

}  // namespace stemma

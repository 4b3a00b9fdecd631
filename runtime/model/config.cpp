#include "runtime/model/config.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "runtime/error.h"
#include "runtime/model/json_file.h"
#include "runtime/model/replace_file.h"

namespace stemma {

namespace {

using nlohmann::json;

// The decoders that the forward pass knows, by both of a config's names for them.
struct Family {
  std::string_view architecture, model_type;
};
constexpr Family families[] = {{"LlamaForCausalLM", "llama"}};

constexpr uint64_t largest_config = 4'000'000;
constexpr int64_t size_limit = 1 << 24, layer_limit = 4096, rope_limit = 1 << 28;
constexpr double parameter_limit = 0x1p40;

class Reader {
 public:
  Reader(const json& document, const std::string& file) : document_(document), file_(file) {}

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorCode::bad_file, fmt::format("{}: {}", file_, what));
  }

  const json* find(const char* key) const {
    const auto place = document_.find(key);
    return place == document_.end() || place->is_null() ? nullptr : &*place;
  }
  std::string text(const char* key, const std::string& otherwise) const {
    const json* value = find(key);
    return value && value->is_string() ? value->get<std::string>() : otherwise;
  }
  bool flag(const char* key, bool otherwise) const {
    const json* value = find(key);
    if (!value) return otherwise;
    if (!value->is_boolean()) refuse(fmt::format("'{}' is neither true nor false", key));
    return value->get<bool>();
  }
  // A size; -1 for `otherwise` means that it has to be there.
  int size(const char* key, int otherwise = -1, int64_t limit = size_limit) const {
    const json* value = find(key);
    if (!value && otherwise >= 0) return otherwise;
    if (!value) refuse(fmt::format("lacks '{}'", key));
    if (!value->is_number_unsigned() || value->get<uint64_t>() < 1 ||
        value->get<uint64_t>() >= static_cast<uint64_t>(limit))
      refuse(fmt::format("'{}' must be a whole number from 1 to {}", key, limit - 1));
    return value->get<int>();
  }
  float number(const char* key, float otherwise) const {
    const json* value = find(key);
    if (!value) return otherwise;
    const double x = value->is_number() ? value->get<double>() : -1;
    if (!(x > 0 && x < 1e12)) refuse(fmt::format("'{}' must be a positive number", key));
    return static_cast<float>(x);
  }
  // A token id, or the first of several; -1 where there is none.
  int token(const char* key) const {
    const json* value = find(key);
    if (value && value->is_array()) value = value->empty() ? nullptr : &value->front();
    if (!value) return -1;
    if (value->is_number_integer() && value->get<int64_t>() == -1) return -1;
    if (!value->is_number_unsigned() || value->get<uint64_t>() >= static_cast<uint64_t>(size_limit))
      refuse(fmt::format("'{}' is not a token id", key));
    return value->get<int>();
  }

 private:
  const json& document_;
  const std::string& file_;
};

const Family* family_of(const Reader& reader) {
  std::string architecture;
  if (const json* names = reader.find("architectures");
      names && names->is_array() && !names->empty() && names->front().is_string())
    architecture = names->front().get<std::string>();
  const std::string model_type = reader.text("model_type", "");
  for (const Family& family : families)
    if (architecture.empty() ? model_type == family.model_type : architecture == family.architecture) return &family;
  return nullptr;
}

std::string architecture_of(const Reader& reader) {
  if (const json* names = reader.find("architectures");
      names && names->is_array() && !names->empty() && names->front().is_string())
    return in_quotes(names->front().get<std::string>());
  const std::string model_type = reader.text("model_type", "");
  return model_type.empty() ? "that it does not name" : in_quotes(model_type);
}

bool plain_rope(const json& scaling) {
  if (!scaling.is_object()) return false;
  for (const char* key : {"rope_type", "type"})
    if (scaling.contains(key) && scaling[key] == "default") return true;
  return false;
}

std::string rope_kind(const json& scaling) {
  if (scaling.is_object())
    for (const char* key : {"rope_type", "type"})
      if (scaling.contains(key) && scaling[key].is_string()) return in_quotes(scaling[key].get<std::string>());
  return "of an unnamed kind";
}

// Everything in the config that this program would compute wrongly, each as a phrase.
std::vector<std::string> unsupported(const Reader& reader) {
  std::vector<std::string> reasons;
  if (!family_of(reader)) reasons.push_back("the architecture " + architecture_of(reader));
  if (reader.find("auto_map")) reasons.push_back("code of its own (auto_map)");
  if (const json* quantization = reader.find("quantization_config")) {
    const bool named = quantization->is_object() && quantization->contains("quant_method") &&
                       (*quantization)["quant_method"].is_string();
    reasons.push_back(
        fmt::format("quantised weights ({})",
                    named ? in_quotes((*quantization)["quant_method"].get<std::string>()) : "quantization_config"));
  }
  if (!reasons.empty()) return reasons;  // the rest are questions to ask of a known family
  for (const char* key : {"rope_scaling", "rope_parameters"})
    if (const json* scaling = reader.find(key); scaling && !plain_rope(*scaling))
      reasons.push_back(fmt::format("scaled rotary positions {} ({})", rope_kind(*scaling), key));
  for (const char* key : {"attention_bias", "mlp_bias"})
    if (reader.flag(key, false)) reasons.push_back(fmt::format("biases ({})", key));
  if (const std::string activation = reader.text("hidden_act", "silu"); activation != "silu" && activation != "swish")
    reasons.push_back("the activation " + in_quotes(activation));
  if (reader.find("sliding_window")) reasons.push_back("attention in a sliding window (sliding_window)");
  if (const json* part = reader.find("partial_rotary_factor"); part && *part != 1.0)
    reasons.push_back("rotary positions on part of a head (partial_rotary_factor)");
  return reasons;
}

void check_sizes(const ModelConfig& config, const Reader& reader) {
  if (config.heads % config.key_value_heads)
    reader.refuse(
        fmt::format("{} attention heads are no multiple of {} key-value heads", config.heads, config.key_value_heads));
  if (config.head_width % 2)
    reader.refuse(fmt::format("a head of width {} cannot be turned in pairs", config.head_width));
  if (int64_t{config.heads} * config.head_width >= size_limit)
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
  const Reader reader(document, file);
  std::string reasons;
  for (const std::string& reason : unsupported(reader)) reasons += (reasons.empty() ? "" : ", ") + reason;
  if (!reasons.empty()) {
    std::string known;
    for (const Family& family : families) known += fmt::format("{}{}", known.empty() ? "" : ", ", family.architecture);
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: asks for {}, which is not supported; plain {} models are", file, reasons, known));
  }

  ModelConfig config;
  config.architecture = family_of(reader)->architecture;
  config.dtype = reader.text("dtype", reader.text("torch_dtype", "float32"));
  config.layers = reader.size("num_hidden_layers", -1, layer_limit);
  config.width = reader.size("hidden_size");
  config.heads = reader.size("num_attention_heads");
  config.key_value_heads = reader.size("num_key_value_heads", config.heads);
  config.head_width = reader.size("head_dim", 0);
  if (!config.head_width) {
    if (config.width % config.heads)
      reader.refuse(fmt::format("a width of {} cannot be split into {} heads", config.width, config.heads));
    config.head_width = config.width / config.heads;
  }
  config.mlp_width = reader.size("intermediate_size");
  config.vocabulary = reader.size("vocab_size");
  config.context = reader.size("max_position_embeddings", 2048);
  config.norm_epsilon = reader.number("rms_norm_eps", 1e-6f);
  config.rope_theta = reader.number("rope_theta", 10000);
  if (const json* rope = reader.find("rope_parameters"))
    config.rope_theta = Reader(*rope, file).number("rope_theta", config.rope_theta);
  config.tied = reader.flag("tie_word_embeddings", false);
  config.bos = reader.token("bos_token_id");
  config.eos = reader.token("eos_token_id");
  config.initializer_range = reader.number("initializer_range", 0.02f);
  check_sizes(config, reader);
  return config;
}

ModelConfig read_config(const std::filesystem::path& folder) {
  const auto path = folder / "config.json";
  if (!std::filesystem::is_directory(folder))
    throw Error(ErrorCode::not_found, fmt::format("{}: there is no such model folder", folder.string()));
  return parse_config(read_text(path, largest_config), path.string());
}

void write_config(const ModelConfig& config, const std::filesystem::path& folder) {
  // Floats are written as their shortest decimal, so that 1e-5f reads back as 1e-05.
  auto decimal = [](float x) { return std::stod(fmt::format("{}", x)); };
  nlohmann::ordered_json document = {
      {"architectures", {config.architecture}},
      {"model_type", "llama"},
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
  for (const Family& family : families)
    if (family.architecture == config.architecture) document["model_type"] = family.model_type;
  FileReplacement file(folder / "config.json");
  file.write(document.dump(2) + "\n");
  file.commit();
}

}  // namespace stemma

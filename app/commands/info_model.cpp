#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "app/commands/info.h"
#include "app/commands/model_size.h"
#include "app/commands/terminal.h"
#include "runtime/error.h"
#include "runtime/model/family.h"
#include "runtime/model/files/safetensors.h"
#include "runtime/model/inspect.h"
#include "runtime/model/model.h"
#include "runtime/trace/delimiters.h"

namespace stemma {

using Json = nlohmann::ordered_json;

namespace {

constexpr double hashed_bytes = 4e9;  // larger models are not read whole only to be told about

// What `stemma train` noted beside the weights, without its curve.
Json training_of(const std::filesystem::path& folder) {
  std::ifstream file(folder / "training.json");
  Json training = Json::parse(file, nullptr, false);
  if (!training.is_object()) return nullptr;
  for (const char* key : {"curve", "columns"}) training.erase(key);
  return training;
}

Json facts_of(const Tokenizer& tokenizer) {
  int64_t special = 0;
  for (int32_t id = 0; id < tokenizer.size(); ++id) special += tokenizer.special(id);
  const auto named = [&](int32_t id) { return id < 0 ? Json() : Json(tokenizer.bytes(id)); };
  return {{"kind", tokenizer.kind()},      {"pieces", tokenizer.size()},    {"special", special},
          {"bos", named(tokenizer.bos())}, {"eos", named(tokenizer.eos())}, {"adds_bos", tokenizer.adds_bos()},
          {"hash", tokenizer.hash()}};
}

Json facts_of(const ChatTemplate& chat) {
  Json facts{{"from", chat.source}, {"bytes", chat.text.size()}};
  if (!chat.others.empty()) facts["others"] = chat.others;
  return facts;
}

// How the model marks its thought; nothing where it marks none.
Json reasoning_of(const ModelReport& report) {
  const std::string architecture = report.config ? report.config->architecture : "";
  const ChatTemplate* chat = report.chat ? &*report.chat : nullptr;
  const Delimiters found =
      report.tokenizer ? delimiters_of(*report.tokenizer, chat, architecture) : delimiters_of(chat, architecture);
  if (!found.row) return nullptr;
  Json facts{{"start", found.row->start}, {"end", found.row->end}};
  if (!found.row->answer.empty()) facts["answer"] = found.row->answer;
  facts["found_in"] = found.found_in;
  facts["tags_are_tokens"] = report.tokenizer ? Json(!found.ordinary_pieces) : Json();
  facts["prompt_opens_it"] = found.prompt_opens;
  facts["can_be_off"] = found.can_be_off;
  return facts;
}

// Of each precision that weights can be kept in.
Json memory_of(const ModelReport& report) {
  const ModelConfig& config = *report.config;
  Json memory = Json::object();
  const auto add = [&](const char* name, double weights, WeightType type) {
    memory[name] = {{"weights_bytes", weights},
                    {"cache_of_a_full_context_bytes", cache_bytes(config, cache_type({&type, 1}), config.context)}};
  };
  if (report.kept_bytes) add("as stored", *report.kept_bytes, WeightType::q8_0);  // blocks, of whatever kind
  for (const auto& [name, type] : {std::pair{"f32", WeightType::f32},
                                   {"bf16", WeightType::bf16},
                                   {"f16", WeightType::f16},
                                   {"q8_0", WeightType::q8_0}})
    add(name, weight_bytes(config, type), type);
  return memory;
}

std::string positions_of(const ModelConfig& config) {
  if (config.block.learned_positions) return "learned";
  std::string text = fmt::format("rotary, base {}", config.rope_theta);
  const RopeScaling& rope = config.rope;
  if (rope.width && rope.width != config.head_width)
    text += fmt::format(", on {} of a head's {} columns", rope.width, config.head_width);
  switch (rope.kind) {
    case RopeScaling::Kind::none:
      break;
    case RopeScaling::Kind::linear:
      return text + fmt::format(", stretched by {} (linear)", rope.factor);
    case RopeScaling::Kind::llama3:
      return text +
             fmt::format(", stretched by {} from {} tokens (llama3)", rope.factor, in_thousands(rope.original_context));
    case RopeScaling::Kind::yarn:
      return text +
             fmt::format(", stretched by {} from {} tokens (YaRN)", rope.factor, in_thousands(rope.original_context));
    case RopeScaling::Kind::longrope:
      return text + fmt::format(", stretched beyond {} tokens (LongRoPE)", in_thousands(rope.original_context));
  }
  return text;
}

// Layers that are not like the rest; nothing where all are alike.
Json layers_apart(const ModelConfig& config) {
  Json apart = Json::object();
  int sliding = 0, unturned = 0, window = 0;
  for (const LayerKind& kind : config.kinds) {
    sliding += kind.window > 0;
    window = std::max(window, kind.window);
    unturned += kind.rope == RopeUse::none;
  }
  if (sliding)
    apart["sliding_window"] = fmt::format("{} tokens in {} of {} layers", in_thousands(window), sliding, config.layers);
  if (unturned && !config.block.learned_positions)
    apart["without_positions"] = fmt::format("{} of {} layers", unturned, config.layers);
  return apart;
}

void add_config(Json& out, const ModelConfig& config) {
  const ModelSize size = size_of(config);
  out["family"] = family_of(config).model_type;
  out["architecture"] = config.architecture;
  out["parameters"] = {{"total", size.total()},
                       {"embedding", size.embedding},
                       {"attention", size.attention},
                       {"mlp", size.mlp},
                       {"norms_and_biases", size.norms},
                       {"unembedding", config.tied ? Json("tied to the embedding") : Json(size.unembedding)}};
  out["shape"] = {{"layers", config.layers},         {"width", config.width},
                  {"heads", config.heads},           {"key_value_heads", config.key_value_heads},
                  {"head_width", config.head_width}, {"mlp_width", config.mlp_width},
                  {"vocabulary", config.vocabulary}};
  out["context"] = config.context;
  out["positions"] = positions_of(config);
  out.update(layers_apart(config));
  out["dtype"] = config.dtype;
}

// A model that is not supported, in its own words.
void add_words(Json& out, const std::string& text) {
  const Json document = Json::parse(text, nullptr, false);
  if (!document.is_object()) return;
  const auto copy = [&](const char* to, const char* key) {
    if (document.contains(key) && document[key].is_primitive() && !document[key].is_null()) out[to] = document[key];
  };
  if (document.contains("architectures") && document["architectures"].is_array() && !document["architectures"].empty())
    out["architecture"] = document["architectures"][0];
  else
    copy("architecture", "model_type");
  for (const auto& [to, key] : {std::pair("layers", "num_hidden_layers"),
                                {"width", "hidden_size"},
                                {"heads", "num_attention_heads"},
                                {"vocabulary", "vocab_size"},
                                {"context", "max_position_embeddings"},
                                {"dtype", "torch_dtype"}})
    copy(to, key);
}

std::string form_of(const ModelReport& report) {
  if (!report.files.gguf.empty()) return "GGUF";
  return report.shards > 1 ? fmt::format("safetensors in {} shards", report.shards) : "safetensors";
}

}  // namespace

Json model_info(const std::filesystem::path& named) {
  ModelReport report = inspect_model(find_model(named));
  Json out{{"kind", "model"}, {"name", report.files.name}, {"path", report.files.path().string()}};
  if (!report.files.commit.empty()) out["commit"] = report.files.commit;
  if (report.config)
    add_config(out, *report.config);
  else
    add_words(out, report.config_text);
  if (report.shards) out["form"] = form_of(report);
  if (!report.stored.empty()) out["stored_numbers"] = report.stored;
  if (report.config) out["memory"] = memory_of(report);
  if (report.tokenizer) out["tokenizer"] = facts_of(*report.tokenizer);
  out["chat_template"] = report.chat ? facts_of(*report.chat) : Json("none");
  const Json reasoning = reasoning_of(report);
  out["reasoning"] = reasoning.is_null() ? Json("no delimiters found") : reasoning;

  out["hash"] = nullptr;
  const bool small = report.config && weight_bytes(*report.config, WeightType::f32) <= hashed_bytes;
  if (report.whole() && small) out["hash"] = load_model(named, make_cpu_ops())->hash;  // reads every weight
  if (!report.whole())
    out["whole"] = false;
  else
    out["whole"] = small ? Json(true) : Json("every shard and header is; the weights were not read");
  if (!report.missing.empty()) out["missing"] = report.missing;
  if (!report.unsupported.empty()) out["unsupported"] = report.unsupported;
  if (!report.broken.empty()) out["broken"] = report.broken;
  if (Json training = training_of(report.files.folder); !training.is_null()) out["training"] = std::move(training);
  return out;
}

bool is_model(const std::filesystem::path& named) {
  std::error_code none;
  if (std::filesystem::is_regular_file(named, none)) return named.extension() == ".gguf";
  if (!std::filesystem::is_directory(named, none)) {
    const std::string text = named.string();  // a name in the Hugging Face cache
    return !std::filesystem::exists(named, none) && named.extension() != ".h5" && named.is_relative() &&
           std::count(text.begin(), text.end(), '/') == 1 && std::filesystem::is_directory(hugging_face_cache(), none);
  }
  for (const char* name : {"config.json", "adapter_config.json", "model.safetensors", "model.safetensors.index.json",
                           "tokenizer_config.json", "snapshots"})
    if (std::filesystem::exists(named / name, none)) return true;
  for (const auto& entry : std::filesystem::directory_iterator(named, none))
    if (entry.path().extension() == ".gguf") return true;
  return false;
}

Json safetensors_info(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  Json out{{"kind", "safetensors file"}, {"path", path.string()}, {"whole", true}};
  int64_t numbers = 0, bytes = 0;
  Json tensors = Json::object();
  for (const auto& tensor : file.tensors()) {
    numbers += tensor.size();
    bytes += static_cast<int64_t>(tensor.bytes.size());
    tensors[tensor.name] = tensor.dtype + " " + Json(tensor.shape).dump();
  }
  out["numbers"] = numbers;
  out["bytes"] = bytes;
  out["tensors"] = std::move(tensors);
  return out;
}

Json tokenizer_info(const std::filesystem::path& path) {
  Json out{{"kind", "tokenizer"}, {"path", path.string()}};
  const Json facts = facts_of(Tokenizer(path));
  for (const auto& [name, fact] : facts.items()) out[name == "kind" ? "model" : name] = fact;
  return out;
}

}  // namespace stemma

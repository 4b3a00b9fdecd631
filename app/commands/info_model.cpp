#include <fstream>
#include <map>

#include "app/commands/info.h"
#include "app/commands/model_size.h"
#include "runtime/model/model.h"
#include "runtime/model/safetensors.h"

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

}  // namespace

Json model_info(const std::filesystem::path& folder) {
  const ModelConfig config = read_config(folder);
  const ModelSize size = size_of(config);
  const Checkpoint checkpoint(folder);
  std::map<std::string, int64_t> stored;
  for (const auto& [name, found] : checkpoint.tensors()) stored[found.tensor->dtype] += found.tensor->size();

  Json out{{"kind", "model"},
           {"path", folder.string()},
           {"architecture", config.architecture},
           {"parameters",
            {{"total", size.total()},
             {"embedding", size.embedding},
             {"attention", size.attention},
             {"mlp", size.mlp},
             {"norms", size.norms},
             {"unembedding", config.tied ? Json("tied to the embedding") : Json(size.unembedding)}}},
           {"shape",
            {{"layers", config.layers},
             {"width", config.width},
             {"heads", config.heads},
             {"key_value_heads", config.key_value_heads},
             {"head_width", config.head_width},
             {"mlp_width", config.mlp_width},
             {"vocabulary", config.vocabulary}}},
           {"context", config.context},
           {"dtype", config.dtype},
           {"stored_numbers", stored},
           {"memory_bytes", size.bytes()},
           {"cache_of_a_full_context_bytes", cache_bytes(config, config.context)},
           {"tokenizer", tokenizer_info(folder)}};
  if (size.bytes() <= hashed_bytes) {  // reads every weight: shapes, numbers and the tokenizer's fit are then checked
    out["hash"] = load_model(folder, make_cpu_ops())->hash;
    out["whole"] = true;
  } else {
    out["hash"] = nullptr;
    out["whole"] = "every shard and header is; the weights were not read";
  }
  if (Json training = training_of(folder); !training.is_null()) out["training"] = std::move(training);
  return out;
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
  const Tokenizer tokenizer(path);
  int64_t special = 0;
  for (int32_t id = 0; id < tokenizer.size(); ++id) special += tokenizer.special(id);
  const auto named = [&](int32_t id) { return id < 0 ? Json() : Json(tokenizer.bytes(id)); };
  return {{"kind", "tokenizer"},           {"pieces", tokenizer.size()},    {"special", special},
          {"bos", named(tokenizer.bos())}, {"eos", named(tokenizer.eos())}, {"adds_bos", tokenizer.adds_bos()},
          {"hash", tokenizer.hash()}};
}

}  // namespace stemma

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/error.h"
#include "runtime/train/train.h"

namespace stemma {
namespace {

using nlohmann::json;

class Reader {
 public:
  Reader(const json& object, std::string place) : object_(object), place_(std::move(place)) {
    if (!object.is_object()) throw Error(ErrorCode::bad_file, place_ + ": expected a JSON object { ... }");
  }
  template <class T>
  void get(const char* key, T& value) {
    known_.insert(key);
    if (!object_.contains(key)) return;
    try {
      value = object_.at(key).get<T>();
    } catch (const json::exception&) {
      throw Error(ErrorCode::bad_file, place_ + ": '" + key + "' has the wrong type");
    }
  }
  template <class T>
  void number(const char* key, T& value, double least, double most) {
    get(key, value);
    if (!(static_cast<double>(value) >= least && static_cast<double>(value) <= most))
      throw Error(ErrorCode::bad_file, place_ + ": '" + key + "' must lie between " + json(least).dump() + " and " +
                                           json(most).dump());
  }
  const json* object(const char* key) {
    known_.insert(key);
    return object_.contains(key) ? &object_.at(key) : nullptr;
  }
  void finish() const {
    for (const auto& [key, value] : object_.items())
      if (!known_.contains(key)) throw Error(ErrorCode::bad_file, place_ + ": unknown key '" + key + "'; check its spelling");
  }

 private:
  const json& object_;
  std::string place_;
  std::set<std::string> known_;
};

}  // namespace

TrainConfig read_train_config(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) throw Error(ErrorCode::not_found, file.string() + ": no such file; give a training configuration with --config");
  const json parsed = json::parse(stream, nullptr, false, true);
  if (parsed.is_discarded()) throw Error(ErrorCode::bad_file, file.string() + ": not JSON");

  TrainConfig config;
  Reader top(parsed, file.string());
  std::string tokenizer;
  top.get("tokenizer", tokenizer);
  if (tokenizer.empty()) throw Error(ErrorCode::bad_file, file.string() + ": 'tokenizer' must name a folder with tokenizer.json");
  config.tokenizer = file.parent_path() / tokenizer;
  top.number("passes", config.passes, 1e-6, 1e6);
  top.number("batch_tokens", config.batch_tokens, 16, 1 << 24);
  top.number("accumulation", config.accumulation, 1, 4096);
  top.number("rate", config.rate, 0, 10);
  top.number("final_rate", config.final_rate, 0, 10);
  top.number("warmup", config.warmup, 0, 1);
  top.number("beta1", config.beta1, 0, 0.9999);
  top.number("beta2", config.beta2, 0, 0.99999);
  top.number("epsilon", config.epsilon, 1e-16, 1);
  top.number("decay", config.decay, 0, 10);
  top.number("clip", config.clip, 0, 1e6);
  top.number("seed", config.seed, 0, 9e15);
  top.number("checkpoint_every", config.checkpoint_every, 0, 1e9);

  const json* shape = top.object("model");
  if (!shape) throw Error(ErrorCode::bad_file, file.string() + ": 'model' is missing; it gives layers, width, heads and mlp_width");
  Reader model(*shape, file.string() + ": model");
  ModelConfig& m = config.model;
  m.architecture = "LlamaForCausalLM";
  m.dtype = "float32";
  model.number("layers", m.layers, 1, 256);
  model.number("width", m.width, 1, 1 << 16);
  model.number("heads", m.heads, 1, 1024);
  m.key_value_heads = m.heads;
  model.number("key_value_heads", m.key_value_heads, 1, 1024);
  model.number("mlp_width", m.mlp_width, 1, 1 << 18);
  m.context = 512;
  model.number("context", m.context, 2, 1 << 20);
  model.number("rope_theta", m.rope_theta, 1, 1e9);
  model.number("norm_epsilon", m.norm_epsilon, 0, 1);
  model.number("initializer_range", m.initializer_range, 1e-6, 10);
  model.get("tied", m.tied);
  model.finish();
  top.finish();
  if (m.width % m.heads || m.heads % m.key_value_heads || (m.width / m.heads) % 2)
    throw Error(ErrorCode::bad_file, file.string() + ": model: heads must divide width into even parts, and key_value_heads must divide heads");
  m.head_width = m.width / m.heads;
  return config;
}

}  // namespace stemma

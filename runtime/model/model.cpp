#include "runtime/model/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "runtime/error.h"
#include "runtime/model/chat_template.h"
#include "runtime/model/hash.h"
#include "runtime/model/json_file.h"
#include "runtime/model/model_files.h"
#include "runtime/model/model_source.h"
#include "runtime/model/safetensors.h"
#include "runtime/model/weight_layout.h"

namespace stemma {

namespace {

constexpr int64_t elements_at_once = 4 << 20;

std::string shape_text(const std::vector<int64_t>& shape) { return fmt::format("({})", fmt::join(shape, ", ")); }

std::vector<int64_t> stored_shape(const WeightPlace& place) {
  return place.norm ? std::vector<int64_t>{place.columns} : std::vector<int64_t>{place.rows, place.columns};
}

void check_tensor(const Checkpoint& checkpoint, const WeightPlace& place) {
  const auto found = checkpoint.find(place.name);
  if (!found && place.name == "lm_head.weight")
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: lacks tensor 'lm_head.weight', and config.json does not tie it to the "
                            "embedding (tie_word_embeddings)",
                            checkpoint.path()));
  if (!found)
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: lacks tensor '{}' that config.json asks for", checkpoint.path(), place.name));
  if (found.tensor->shape != stored_shape(place))
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: tensor '{}' has shape {}, config.json asks for {}", found.file, place.name,
                            shape_text(found.tensor->shape), shape_text(stored_shape(place))));
  float first = 0;
  found.read(0, {&first, 1});  // refuses a type that weights cannot have
}

// Tensors of a layer that the config does not explain (biases, query norms, experts, further layers) would be lost
// silently.
void check_nothing_else(const Checkpoint& checkpoint, const std::vector<WeightPlace>& places) {
  for (const auto& [name, found] : checkpoint.tensors()) {
    const bool of_layer = name.starts_with("model.layers.") && !name.ends_with(".rotary_emb.inv_freq");
    const auto same = [&name = name](const WeightPlace& place) { return place.name == name; };
    if (of_layer && std::none_of(places.begin(), places.end(), same))
      throw Error(
          ErrorCode::unsupported,
          fmt::format("{}: tensor {} is no part of the model that config.json describes", found.file, in_quotes(name)));
  }
}

void load_tensor(const Checkpoint::Found& found, Tensor to, Ops& ops) {
  if (found.plain_f32()) return ops.upload(to.data, found.tensor->bytes.data(), found.tensor->bytes.size());
  std::vector<float> values;
  for (int64_t begin = 0; begin < to.size(); begin += elements_at_once) {
    values.resize(static_cast<size_t>(std::min(elements_at_once, to.size() - begin)));
    found.read(begin, values);
    ops.upload(to.data + begin, values.data(), values.size() * sizeof(float));
  }
}

}  // namespace

void check_weights(const Checkpoint& checkpoint, const ModelConfig& config) {
  const std::vector<WeightPlace> places = weight_layout(config);
  for (const WeightPlace& place : places) check_tensor(checkpoint, place);
  check_nothing_else(checkpoint, places);
}

void check_tokenizer(const Tokenizer& tokenizer, const ModelConfig& config, const ModelFiles& files) {
  if (tokenizer.size() > config.vocabulary)
    throw Error(ErrorCode::does_not_fit,
                fmt::format("{}: the tokenizer has {} tokens, the embedding {} rows; they belong to different models",
                            files.path().string(), tokenizer.size(), config.vocabulary));
}

std::shared_ptr<const Model> load_model(const std::filesystem::path& named, std::shared_ptr<Ops> ops) {
  const ModelFiles files = find_model(named);
  const ModelSource source = open_source(files);
  auto model = std::make_shared<Model>();
  model->config = source.config;
  model->path = files.path();
  model->name = files.name;
  model->commit = files.commit;
  model->ops = ops;
  model->tokenizer = std::make_shared<const Tokenizer>(source.tokenizer);
  if (source.chat) model->chat = std::make_shared<const ChatTemplate>(*source.chat);

  const Checkpoint& checkpoint = source.weights;
  check_weights(checkpoint, model->config);
  check_tokenizer(*model->tokenizer, model->config, files);

  model->weights = Weights(model->config, ops);
  for (const auto& named : model->weights.named()) load_tensor(checkpoint.find(named.name), named.tensor, *ops);
  model->rope = rope_table(model->config, ops);
  model->hash = hash_of(model->config, model->weights, *ops);
  return model;
}

void save_model(const Model& model, const std::filesystem::path& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw Error(ErrorCode::disk, fmt::format("{}: cannot be made ({})", folder.string(), failure.message()));
  const Buffer& flat = model.weights.flat();
  std::vector<float> values(static_cast<size_t>(flat.view().size()));
  flat.download(values.data());

  std::vector<TensorToWrite> tensors;
  const float* next = values.data();
  for (const WeightPlace& place : weight_layout(model.config)) {
    const auto size = static_cast<size_t>(place.rows * place.columns);
    tensors.push_back({place.name, stored_shape(place), {next, size}});
    next += size;
  }
  write_safetensors(folder / "model.safetensors", tensors);
  ModelConfig config = model.config;
  config.dtype = "float32";
  write_config(config, folder);
}

Buffer rope_table(const ModelConfig& config, std::shared_ptr<Ops> ops) {
  const int64_t rows = config.context, columns = config.head_width, pairs = columns / 2;
  std::vector<double> frequencies(static_cast<size_t>(pairs));
  for (int64_t i = 0; i < pairs; ++i)
    frequencies[i] =
        std::pow(static_cast<double>(config.rope_theta), -2.0 * static_cast<double>(i) / static_cast<double>(columns));
  std::vector<float> table(static_cast<size_t>(rows * columns));
  for (int64_t position = 0; position < rows; ++position)
    for (int64_t i = 0; i < pairs; ++i) {
      const double angle = static_cast<double>(position) * frequencies[i];
      table[position * columns + i] = static_cast<float>(std::cos(angle));
      table[position * columns + pairs + i] = static_cast<float>(std::sin(angle));
    }
  Buffer buffer(std::move(ops), rows, columns);
  buffer.upload(table.data());
  return buffer;
}

std::string hash_of(const ModelConfig& config, const Weights& weights, Ops& ops) {
  Hasher hasher;
  hasher.add(fmt::format(
      "{} layers {} width {} heads {} key_value_heads {} head_width {} mlp_width {} vocabulary {} context {} "
      "norm_epsilon {} rope_theta {} tied {}",
      config.architecture, config.layers, config.width, config.heads, config.key_value_heads, config.head_width,
      config.mlp_width, config.vocabulary, config.context, config.norm_epsilon, config.rope_theta, config.tied));
  const Tensor flat = weights.flat();
  std::vector<float> values;
  for (int64_t begin = 0; begin < flat.size(); begin += elements_at_once) {
    values.resize(static_cast<size_t>(std::min(elements_at_once, flat.size() - begin)));
    ops.download(values.data(), flat.data + begin, values.size() * sizeof(float));
    hasher.add(std::as_bytes(std::span(values)));
  }
  return hasher.hex();
}

}  // namespace stemma

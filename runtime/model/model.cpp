#include "runtime/model/model.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/error.h"
#include "runtime/model/chat_template.h"
#include "runtime/model/files/hash.h"
#include "runtime/model/files/model_files.h"
#include "runtime/model/files/model_source.h"
#include "runtime/model/files/stored_tensor.h"
#include "runtime/model/load_weights.h"

namespace stemma {

namespace {

// What the config says beyond Llama's shape, each as a word with its value; empty for Llama.
std::string features(const ModelConfig& config) {
  std::string text;
  const auto say = [&](const char* word, auto value, auto usual) {
    if (!(value == usual)) text += fmt::format(" {} {}", word, value);
  };
  const BlockDesign &b = config.block, usual;
  const auto number = [](auto kind) { return static_cast<int>(kind); };
  say("norm", number(b.norm), number(usual.norm));
  say("norm_weight", b.norm_weight, usual.norm_weight);
  say("norm_before", b.norm_before, usual.norm_before);
  say("norm_after", b.norm_after, usual.norm_after);
  say("query_norm", number(b.query_norm), number(usual.query_norm));
  say("parallel", b.parallel, usual.parallel);
  say("learned_positions", b.learned_positions, usual.learned_positions);
  say("gated", b.gated, usual.gated);
  say("activation", number(b.activation), number(usual.activation));
  const RopeScaling &r = config.rope, plain;
  if (!(r == plain)) {
    text += fmt::format(" rope {} {} {} {} {} {} {} {} {} {}", number(r.kind), r.width, r.factor, r.low_frequency,
                        r.high_frequency, r.fast, r.slow, r.whole_bounds, r.magnitude, r.original_context);
    text += fmt::format(" {} {}", fmt::join(r.short_factors, " "), fmt::join(r.long_factors, " "));
  }
  for (const LayerKind& kind : config.kinds) text += fmt::format(" layer {} {}", kind.window, number(kind.rope));
  say("local_rope_theta", config.local_rope_theta, 10000.0f);
  say("embedding_scale", config.embedding_scale, 1.0f);
  say("attention_scale", config.attention_scale, 0.0f);
  say("attention_cap", config.attention_cap, 0.0f);
  say("logit_cap", config.logit_cap, 0.0f);
  say("clip_qkv", config.clip_qkv, 0.0f);
  return text;
}

}  // namespace

void check_tokenizer(const Tokenizer& tokenizer, const ModelConfig& config, const ModelFiles& files) {
  if (tokenizer.size() > config.vocabulary)
    throw Error(ErrorCode::does_not_fit,
                fmt::format("{}: the tokenizer has {} tokens, the embedding {} rows; they belong to different models",
                            files.path().string(), tokenizer.size(), config.vocabulary));
}

std::shared_ptr<const Model> load_model(const std::filesystem::path& named, std::shared_ptr<Ops> ops, Dtype dtype) {
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

  check_tokenizer(*model->tokenizer, model->config, files);
  if (const int end = model->tokenizer->eos(); end >= 0 && !model->config.ends_text(end))
    model->config.ends.push_back(end);  // a chat's turn often ends with what only the tokenizer names
  model->weights = load_weights(source.weights, model->config, ops, dtype);
  if (dtype == Dtype::bf16) model->config.dtype = "bfloat16";
  if (dtype == Dtype::f16) model->config.dtype = "float16";
  make_rope_tables(*model);
  model->hash = hash_of(model->config, model->weights, *ops);
  return model;
}

Model rounded(const Model& model) {
  expect_f32(model, "rounding");
  Model copy;
  copy.config = model.config;
  copy.path = model.path;
  copy.name = model.name;
  copy.ops = model.ops;
  copy.weights = model.weights.rounded(model.ops);
  copy.differentiates = true;
  make_rope_tables(copy);
  return copy;
}

void save_model(const Model& model, const std::filesystem::path& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw Error(ErrorCode::disk, fmt::format("{}: cannot be made ({})", folder.string(), failure.message()));
  for (const auto& named : model.weights.named())
    if (format_of(named.matrix.type).elements > 1) expect_f32(model, "saving");
  write_weights(folder / "model.safetensors", model.config, model.weights, *model.ops);
  ModelConfig config = model.config;
  if (model.weights.in_f32()) config.dtype = "float32";
  write_config(config, folder);
}

std::string hash_of(const ModelConfig& config, const Weights& weights, Ops& ops) {
  Hasher hasher;
  hasher.add(fmt::format(
      "{} layers {} width {} heads {} key_value_heads {} head_width {} mlp_width {} vocabulary {} context {} "
      "norm_epsilon {} rope_theta {} tied {}",
      config.architecture, config.layers, config.width, config.heads, config.key_value_heads, config.head_width,
      config.mlp_width, config.vocabulary, config.context, config.norm_epsilon, config.rope_theta, config.tied));
  hasher.add(features(config));
  std::vector<float> values;
  std::vector<std::byte> bytes;
  for (const auto& named : weights.named()) {
    const WeightMatrix& matrix = named.matrix;
    const int64_t step = std::max<int64_t>(1, elements_at_once / matrix.columns);
    for (int64_t row = 0; row < matrix.rows; row += step) {
      const int64_t rows = std::min(step, matrix.rows - row);
      bytes.resize(static_cast<size_t>(rows * matrix.row_bytes()));
      ops.read_rows(matrix, row, bytes);
      values.resize(static_cast<size_t>(rows * matrix.columns));
      read_f32({named.name, std::string(format_of(matrix.type).name), {rows, matrix.columns}, bytes}, 0, values,
               named.name);
      hasher.add(std::as_bytes(std::span(values)));
    }
  }
  return hasher.hex();
}

void expect_f32(const Model& model, const std::string& what) {
  if (!model.weights.in_f32())
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: its weights are kept as they are stored, and {} needs them in f32; load it with "
                            "--dtype f32",
                            model.path.string(), what));
}

}  // namespace stemma

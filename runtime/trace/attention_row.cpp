#include "runtime/trace/attention_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "runtime/error.h"
#include "runtime/model/sites.h"
#include "runtime/session/activation_reader.h"
#include "runtime/trace/replay.h"

namespace stemma {
namespace {

constexpr int64_t room = int64_t{1} << 30;  // bytes of queries and keys

}  // namespace

std::vector<int32_t> AttentionRow::strongest(size_t most) const {
  std::vector<int32_t> tokens(weights.size());
  std::iota(tokens.begin(), tokens.end(), 0);
  const auto end = tokens.begin() + static_cast<ptrdiff_t>(std::min(most, tokens.size()));
  std::partial_sort(tokens.begin(), end, tokens.end(), [&](int32_t a, int32_t b) {
    const float x = weights[static_cast<size_t>(a)], y = weights[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  });
  tokens.erase(end, tokens.end());
  return tokens;
}

std::string AttentionRow::source() const {
  return from_recording ? "recomputed from the recorded residual stream" : "recomputed from the tokens";
}

std::optional<RecordedResidual> recorded_residual(const Session& session, const Trace& trace, int layer) {
  const auto sites = session.activations.find(trace.id);
  if (layer <= 0 || sites == session.activations.end()) return std::nullopt;
  for (const Site site : {Site{Hook::resid_post, layer - 1}, Site{Hook::resid_pre, layer}}) {
    if (std::find(sites->second.begin(), sites->second.end(), name_of(site)) == sites->second.end()) continue;
    const ActivationReader reader(session.path, trace.id, name_of(site));
    RecordedResidual residual;
    residual.tokens = std::min<int64_t>(reader.tokens(), trace.size());
    residual.values.resize(static_cast<size_t>(residual.tokens * reader.width()));
    reader.read(0, residual.tokens, residual.values.data());
    return residual;
  }
  return std::nullopt;
}

AttentionRows::AttentionRows(std::shared_ptr<const Model> model, std::shared_ptr<const Trace> trace)
    : model_(std::move(model)), trace_(std::move(trace)) {
  check_replay(*model_, *trace_);
}

int64_t AttentionRows::layer_bytes() const {
  const ModelConfig& config = model_->config;
  return trace_->size() *
         (row_bytes(WeightType::f32, int64_t{config.heads} * config.head_width) +
          row_bytes(model_->weights.cache_type(), int64_t{config.key_value_heads} * config.head_width));
}

// For one more layer, by letting go of those farthest from it.
void AttentionRows::make_room(int layer) {
  const auto distance = [layer](const auto& kept) { return std::abs(kept.first - layer); };
  while (!kept_.empty() && (static_cast<int64_t>(kept_.size()) + 1) * layer_bytes() > room)
    kept_.erase(std::max_element(kept_.begin(), kept_.end(),
                                 [&](const auto& a, const auto& b) { return distance(a) < distance(b); }));
}

void AttentionRows::prepare(int layer, const RecordedResidual* recorded, const Control& control) {
  const ModelConfig& config = model_->config;
  if (layer < 0 || layer >= config.layers)
    throw Error(ErrorCode::usage, fmt::format("trace {}: there is no layer {}; its model has layers 0 to {}",
                                              trace_->id, layer, config.layers - 1));
  if (has(layer)) return;
  if (layer > 0 && !recorded) return replay_around(layer, control);
  const int64_t tokens = layer == 0 ? trace_->size() : recorded->tokens;
  if (layer > 0 && recorded->values.size() != static_cast<size_t>(tokens * config.width))
    throw Error(ErrorCode::bad_file, fmt::format("trace {}: its recorded residual stream has another width than its "
                                                 "model; the session is damaged",
                                                 trace_->id));
  make_room(layer);
  Buffer residual(model_->ops, std::max<int64_t>(1, tokens), config.width);
  if (layer == 0)
    embed_text(*model_, trace_->tokens, residual);
  else if (tokens > 0)
    residual.upload(recorded->values.data());
  const Tensor given = residual.view().slice(0, tokens);
  kept_[layer] = {queries_and_keys(*model_, layer, given, config.long_factors(trace_->size())), layer > 0};
}

void AttentionRows::replay_around(int layer, const Control& control) {
  const ModelConfig& config = model_->config;
  const int together =
      static_cast<int>(std::clamp<int64_t>(room / std::max<int64_t>(1, layer_bytes()), 1, config.layers));
  const int first = std::clamp(layer - together / 2, 0, config.layers - together), last = first + together;
  kept_.clear();
  std::map<int, Kept> made;
  for (int i = first; i < last; ++i) {
    made[i].of = {Buffer(model_->ops, trace_->size(), int64_t{config.heads} * config.head_width),
                  MatrixBuffer(model_->ops, model_->weights.cache_type(), trace_->size(),
                               int64_t{config.key_value_heads} * config.head_width)};
  }
  const auto keep = [&](const Workspace& work, const KeyValueCache& cache, int64_t begin, int64_t end) {
    const auto copy = [&](const WeightMatrix& from, const WeightMatrix& to) {
      model_->ops->copy(to.row(begin), from.data, static_cast<size_t>(from.bytes()));
    };
    for (auto& [i, kept] : made) {
      copy(matrix_of(work.block(i).query.view().slice(0, end - begin)), matrix_of(kept.of.queries));
      copy(cache.keys[static_cast<size_t>(i)].view().slice(begin, end), kept.of.keys);
    }
  };
  replay(*model_, *trace_, nullptr, keep, "Computing what tokens look at", control);
  kept_ = std::move(made);
}

AttentionRow AttentionRows::row(int token, int layer, int head) const {
  const ModelConfig& config = model_->config;
  const auto found = kept_.find(layer);
  if (token < 0 || token >= trace_->size() || found == kept_.end() || head < -1 || head >= config.heads)
    throw Error(ErrorCode::usage,
                fmt::format("trace {}: there is no attention of token {}, layer {}, head {}; it has tokens 0 to {}, "
                            "layers 0 to {} and heads 0 to {}",
                            trace_->id, token, layer, head, trace_->size() - 1, config.layers - 1, config.heads - 1));
  const Tensor queries = found->second.of.queries;
  const WeightMatrix keys = found->second.of.keys;
  if (token >= queries.rows)
    throw Error(ErrorCode::not_found,
                fmt::format("trace {}: its model wrote token {} last and never read it, so it looked at nothing",
                            trace_->id, token));
  AttentionRow row{trace_->id, token, config.layers, config.heads, layer, head, found->second.from_recording, {}};
  const Buffer weights(model_->ops, config.heads, token + 1);
  model_->ops->attention_weights(queries.slice(token, token + 1), keys.slice(0, token + 1), model_->heads(layer),
                                 weights);
  std::vector<float> host(static_cast<size_t>(weights.view().size()));
  weights.download(host.data());
  const int first = head < 0 ? 0 : head, last = head < 0 ? config.heads : head + 1;
  row.weights.assign(static_cast<size_t>(token) + 1, 0);
  for (int h = first; h < last; ++h)
    for (size_t j = 0; j < row.weights.size(); ++j)
      row.weights[j] += host[static_cast<size_t>(h) * row.weights.size() + j] / static_cast<float>(last - first);
  return row;
}

}  // namespace stemma

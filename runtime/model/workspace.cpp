#include <initializer_list>

#include "runtime/model/forward.h"

namespace stemma {
namespace {

constexpr int64_t row_step = 512;  // the room grows by this many rows: batches differ a little in size

}  // namespace

void Batch::add(const std::vector<int32_t>& document) {
  const auto begin = static_cast<int32_t>(ids.size()), end = begin + static_cast<int32_t>(document.size());
  segments.push_back({begin, end, begin, end});
  ids.insert(ids.end(), document.begin(), document.end());
  for (int32_t i = 0; i < end - begin; ++i) positions.push_back(i);
}

KeyValueCache::KeyValueCache(const Model& model, int64_t capacity) {
  const int64_t width = int64_t{model.config.key_value_heads} * model.config.head_width;
  const WeightType type = model.weights.cache_type();
  for (int i = 0; i < model.config.layers; ++i) {
    keys.emplace_back(model.ops, type, capacity, width);
    values.emplace_back(model.ops, type, capacity, width);
  }
}

void KeyValueCache::begin_as(const KeyValueCache& other, int64_t tokens) {
  const auto copy = [tokens](const std::vector<MatrixBuffer>& from, std::vector<MatrixBuffer>& to) {
    for (size_t i = 0; i < from.size(); ++i) to[i].copy_rows(from[i], tokens);
  };
  copy(other.keys, keys);
  copy(other.values, values);
  ids.assign(other.ids.begin(), other.ids.begin() + tokens);
  long_text = other.long_text;
  length = tokens;
}

void Workspace::reserve(int64_t tokens, bool gradients) {
  const ModelConfig& c = model_.config;
  const BlockDesign& block = c.block;
  const int64_t attended = int64_t{c.heads} * c.head_width, shared = int64_t{c.key_value_heads} * c.head_width;
  const bool projected = block.query_norm != QueryNorm::none || c.clip_qkv > 0;
  if (tokens > capacity_) {
    tokens = tokens < row_step ? tokens : (tokens + row_step - 1) / row_step * row_step;
    const auto make = [&](int64_t columns) { return Buffer(model_.ops, tokens, columns); };
    const auto make_if = [&](bool there, int64_t columns) { return there ? make(columns) : Buffer(); };
    const int64_t statistics = block.norm == NormKind::layer ? 2 : 1;
    ids = IdBuffer(model_.ops, tokens, 1);
    positions = IdBuffer(model_.ops, tokens, 1);
    if (c.long_factors(c.context)) angles = IdBuffer(model_.ops, tokens, 1);
    residual_.clear();
    blocks_.clear();
    const int kept = keep_ == Keep::one_block ? 1 : c.layers;
    for (int i = 0; i <= kept; ++i) residual_.push_back(make(c.width));
    for (int i = 0; i < kept; ++i) {
      BlockValues& v = blocks_.emplace_back();
      v.attention_in = make_if(block.norm_before, c.width);
      v.attention_scale = make_if(block.norm_before, statistics);
      v.query = make(attended);
      v.key = make(shared);
      v.value = make(shared);
      v.log_sum = make(c.heads);
      v.attended = make(attended);
      v.middle = make(c.width);
      v.mlp_in = make_if(block.norm_before, c.width);
      v.mlp_scale = make_if(block.norm_before, statistics);
      v.gate = make_if(block.gated, c.mlp_width);
      v.up = make(c.mlp_width);
      v.activated = make(c.mlp_width);
      v.projected_query = make_if(projected, attended);
      v.projected_key = make_if(projected, shared);
      const bool whole = block.query_norm == QueryNorm::whole;
      v.query_scale = make_if(block.query_norm != QueryNorm::none, whole ? 1 : c.heads);
      v.key_scale = make_if(block.query_norm != QueryNorm::none, whole ? 1 : c.key_value_heads);
      for (Buffer* out : {&v.attention_out, &v.mlp_out}) *out = make_if(block.norm_after, c.width);
      for (Buffer* scale : {&v.attention_out_scale, &v.mlp_out_scale}) *scale = make_if(block.norm_after, statistics);
    }
    hidden = make(c.width);
    hidden_scale = make(statistics);
    capacity_ = tokens;
  }
  // Apart from the values above, which a backward that asks for its room must find as the forward left them.
  if (gradients && tokens > gradient_capacity_) {
    const auto make = [&](int64_t columns) { return Buffer(model_.ops, capacity_, columns); };
    residual_gradient = make(c.width);
    width_gradient = make(c.width);
    query_gradient = make(attended);
    key_gradient = make(shared);
    value_gradient = make(shared);
    attended_gradient = make(attended);
    if (block.gated) gate_gradient = make(c.mlp_width);
    up_gradient = make(c.mlp_width);
    if (block.query_norm != QueryNorm::none) {
      projected_query_gradient = make(attended);
      projected_key_gradient = make(shared);
    }
    gradient_capacity_ = capacity_;
  }
}

size_t Workspace::bytes() const {
  size_t all = ids.bytes() + positions.bytes() + angles.bytes();
  const auto add = [&](std::initializer_list<const Buffer*> buffers) {
    for (const Buffer* buffer : buffers) all += buffer->bytes();
  };
  for (const Buffer& r : residual_) add({&r});
  for (const BlockValues& v : blocks_)
    add({&v.attention_in, &v.attention_scale, &v.query, &v.key, &v.value, &v.log_sum, &v.attended, &v.middle, &v.mlp_in,
         &v.mlp_scale, &v.gate, &v.up, &v.activated, &v.projected_query, &v.projected_key, &v.query_scale, &v.key_scale,
         &v.attention_out, &v.attention_out_scale, &v.mlp_out, &v.mlp_out_scale});
  add({&hidden, &hidden_scale, &residual_gradient, &width_gradient, &query_gradient, &key_gradient, &value_gradient,
       &attended_gradient, &gate_gradient, &up_gradient, &projected_query_gradient, &projected_key_gradient});
  return all;
}

}  // namespace stemma

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

std::string name_of(Site site) {
  switch (site.hook) {
    case Hook::embed: return "hook_embed";
    case Hook::resid_mid: return "blocks." + std::to_string(site.layer) + ".hook_resid_mid";
    case Hook::resid_post: return "blocks." + std::to_string(site.layer) + ".hook_resid_post";
    case Hook::final_norm: return "ln_final.hook_normalized";
  }
  return {};
}

KeyValueCache::KeyValueCache(const Model& model, int64_t capacity) {
  const int64_t width = int64_t{model.config.key_value_heads} * model.config.head_width;
  for (int i = 0; i < model.config.layers; ++i) {
    keys.emplace_back(model.ops, capacity, width);
    values.emplace_back(model.ops, capacity, width);
  }
}

void Workspace::reserve(int64_t tokens, bool gradients) {
  const ModelConfig& c = model_.config;
  const int64_t attended = int64_t{c.heads} * c.head_width, shared = int64_t{c.key_value_heads} * c.head_width;
  if (tokens > capacity_) {
    tokens = tokens < row_step ? tokens : (tokens + row_step - 1) / row_step * row_step;
    const auto make = [&](int64_t columns) { return Buffer(model_.ops, tokens, columns); };
    ids = IdBuffer(model_.ops, tokens, 1);
    positions = IdBuffer(model_.ops, tokens, 1);
    residual.clear();
    blocks.clear();
    for (int i = 0; i <= c.layers; ++i) residual.push_back(make(c.width));
    for (int i = 0; i < c.layers; ++i)
      blocks.push_back({make(c.width), make(1), make(attended), make(shared), make(shared), make(c.heads), make(attended),
                        make(c.width), make(c.width), make(1), make(c.mlp_width), make(c.mlp_width), make(c.mlp_width)});
    hidden = make(c.width);
    hidden_scale = make(1);
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
    gate_gradient = make(c.mlp_width);
    up_gradient = make(c.mlp_width);
    activated_gradient = make(c.mlp_width);
    gradient_capacity_ = capacity_;
  }
}

}  // namespace stemma

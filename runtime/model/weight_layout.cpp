#include "runtime/model/weight_layout.h"

#include <fmt/format.h>

#include "runtime/model/family.h"

namespace stemma {

namespace {

// A module of a block: its matrix, or a norm's weights, and a bias.
struct Module {
  std::string_view name, part;
  int64_t rows, columns;
  bool norm;
  Tensor Block::*weight;
  Tensor Block::*bias;
};

std::vector<Module> modules_of(const ModelConfig& config, const ModuleNames& names) {
  const BlockDesign& block = config.block;
  const int64_t C = config.width, F = config.mlp_width;
  const int64_t Q = int64_t{config.heads} * config.head_width, K = int64_t{config.key_value_heads} * config.head_width;
  const bool whole = block.query_norm == QueryNorm::whole;
  std::vector<Module> all;
  const auto norm = [&](bool there, std::string_view name, int64_t width, Tensor Block::*weight,
                        Tensor Block::*bias = nullptr) {
    if (there && block.norm_weight) all.push_back({name, "", 1, width, true, weight, block.norm_bias ? bias : nullptr});
  };
  const auto linear = [&](std::string_view name, std::string_view part, int64_t rows, int64_t columns,
                          Tensor Block::*weight, bool biased, Tensor Block::*bias) {
    all.push_back({name, part, rows, columns, false, weight, biased ? bias : nullptr});
  };
  norm(block.norm_before, names.attention_norm, C, &Block::attention_norm, &Block::attention_norm_bias);
  linear(names.query, "query", Q, C, &Block::query, block.query_bias, &Block::query_bias);
  linear(names.key, "key", K, C, &Block::key, block.query_bias, &Block::key_bias);
  linear(names.value, "value", K, C, &Block::value, block.query_bias, &Block::value_bias);
  norm(block.query_norm != QueryNorm::none, names.query_norm, whole ? Q : config.head_width, &Block::query_norm);
  norm(block.query_norm != QueryNorm::none, names.key_norm, whole ? K : config.head_width, &Block::key_norm);
  linear(names.output, "", C, Q, &Block::output, block.output_bias, &Block::output_bias);
  norm(block.norm_after, names.attention_after, C, &Block::attention_after);
  norm(block.norm_before, names.mlp_norm, C, &Block::mlp_norm, &Block::mlp_norm_bias);
  if (block.gated) linear(names.gate, "gate", F, C, &Block::gate, block.mlp_bias, &Block::gate_bias);
  linear(names.up, "up", F, C, &Block::up, block.mlp_bias, &Block::up_bias);
  linear(names.down, "", C, F, &Block::down, block.mlp_bias, &Block::down_bias);
  norm(block.norm_after, names.mlp_after, C, &Block::mlp_after);
  return all;
}

class Layout {
 public:
  explicit Layout(const ModelConfig& config)
      : config_(config), names_(family_of(config).names), modules_(modules_of(config, names_)) {}

  std::vector<WeightPlace> places() {
    const int64_t C = config_.width, V = config_.vocabulary;
    top(names_.prefix, names_.embedding, ".weight", V, C, false, &Weights::embedding);
    if (config_.block.learned_positions)
      top(names_.prefix, names_.positions, ".weight", config_.context, C, false, &Weights::positions);
    for (int layer = 0; layer < config_.layers; ++layer)
      for (const Module& module : modules_) {
        add(layer, module, false);
        if (module.bias) add(layer, module, true);
      }
    if (config_.block.norm_weight) {
      top(names_.prefix, names_.final_norm, ".weight", 1, C, true, &Weights::final_norm);
      if (config_.block.norm_bias)
        top(names_.prefix, names_.final_norm, ".bias", 1, C, true, &Weights::final_norm_bias);
    }
    if (!config_.tied) top("", names_.unembedding, ".weight", V, C, false, &Weights::unembedding);
    return std::move(places_);
  }

 private:
  void top(std::string_view prefix, std::string_view module, std::string_view kind, int64_t rows, int64_t columns,
           bool vector, Tensor Weights::*member) {
    WeightPlace place{fmt::format("{}{}{}", prefix, module, kind), rows, columns, vector, 0, {}};
    place.stored = {place.name, vector ? std::vector{columns} : std::vector{rows, columns}, 0, rows, rows};
    const bool norm = vector && kind == ".weight";
    place.at_start = norm ? 1 : 0;
    if (norm && config_.block.norm_plus_one) place.stored.added = 1;
    place.in_model = member;
    places_.push_back(std::move(place));
  }

  // Rows of all modules that lie in one tensor with this one, and of those before it.
  std::pair<int64_t, int64_t> rows_with(const Module& module) const {
    int64_t all = 0, before = 0;
    for (const Module& other : modules_) {
      if (other.name != module.name) continue;
      if (&other == &module) before = all;
      all += other.rows;
    }
    return {all, before};
  }

  void add(int layer, const Module& module, bool bias) {
    const auto [all, before] = rows_with(module);
    const bool vector = bias || module.norm, shared = all > module.rows;
    const std::string name =
        fmt::format("{}{}.{}.{}.{}", names_.prefix, names_.layers, layer, module.name, bias ? "bias" : "weight");
    WeightPlace place{shared ? fmt::format("{} [{}]", name, module.part) : name,
                      vector ? 1 : module.rows,
                      bias && !module.norm ? module.rows : module.columns,
                      vector,
                      module.norm && !bias ? 1.0f : 0.0f,
                      {}};
    StoredPart& stored = place.stored;
    stored.name = name;
    stored.transposed = names_.transposed && !vector;
    if (module.norm) {
      stored.shape = {module.columns};
      stored.block = stored.stride = 1;
      stored.added = config_.block.norm_plus_one && !bias ? 1 : 0;
    } else {
      if (bias)
        stored.shape = {all};
      else if (stored.transposed)
        stored.shape = {module.columns, all};
      else
        stored.shape = {all, module.columns};
      const bool by_head = shared && names_.fused_by_head;
      stored.block = by_head ? config_.head_width : module.rows;
      stored.stride = by_head ? all / config_.heads : module.rows;
      stored.first = by_head ? before / config_.heads : before;
    }
    place.layer = layer;
    place.in_block = bias ? module.bias : module.weight;
    places_.push_back(std::move(place));
  }

  const ModelConfig& config_;
  const ModuleNames& names_;
  std::vector<Module> modules_;
  std::vector<WeightPlace> places_;
};

}  // namespace

std::vector<WeightPlace> weight_layout(const ModelConfig& config) { return Layout(config).places(); }

}  // namespace stemma

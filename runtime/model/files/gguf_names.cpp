#include <fmt/format.h>

#include <charconv>

#include "runtime/error.h"
#include "runtime/model/family.h"
#include "runtime/model/files/gguf_model.h"
#include "runtime/model/files/json_file.h"

namespace stemma {

namespace {

using Rows = Arrangement::Rows;

using Module = std::string_view ModuleNames::*;

constexpr std::pair<std::string_view, Module> in_model[] = {{"token_embd", &ModuleNames::embedding},
                                                            {"position_embd", &ModuleNames::positions},
                                                            {"output_norm", &ModuleNames::final_norm}};

constexpr std::pair<std::string_view, Module> in_block[] = {{"attn_norm", &ModuleNames::attention_norm},
                                                            {"attn_q", &ModuleNames::query},
                                                            {"attn_k", &ModuleNames::key},
                                                            {"attn_v", &ModuleNames::value},
                                                            {"attn_qkv", &ModuleNames::query},
                                                            {"attn_q_norm", &ModuleNames::query_norm},
                                                            {"attn_k_norm", &ModuleNames::key_norm},
                                                            {"attn_output", &ModuleNames::output},
                                                            {"post_attention_norm", &ModuleNames::attention_after},
                                                            {"ffn_norm", &ModuleNames::mlp_norm},
                                                            {"ffn_gate", &ModuleNames::gate},
                                                            {"ffn_up", &ModuleNames::up},
                                                            {"ffn_down", &ModuleNames::down},
                                                            {"post_ffw_norm", &ModuleNames::mlp_after}};

template <size_t count>
std::string_view named(const std::pair<std::string_view, Module> (&table)[count], std::string_view name,
                       const ModuleNames& names) {
  for (const auto& [theirs, ours] : table)
    if (theirs == name) return names.*ours;
  return {};
}

// Angles and their factors, which gguf_config reads.
bool follows_from_config(std::string_view name) {
  return name == "rope_freqs.weight" || name == "rope_factors_long.weight" || name == "rope_factors_short.weight" ||
         name.ends_with(".attn_rot_embd.weight");
}

Arrangement arrangement_of(std::string_view family, std::string_view module, std::string_view kind,
                           const ModelConfig& config, const ModuleNames& names) {
  // Norms are written ready to be multiplied with.
  if (config.block.norm_plus_one && module.ends_with("norm")) return {Rows::kept, 1, -1};
  const bool turned_in_pairs =
      family == "llama" || family == "smollm3" || (family == "olmo" && kind == "weight");  // OLMo's biases are left
  if (turned_in_pairs && module == "attn_q") return {Rows::pairs, config.heads, 0};
  if (turned_in_pairs && module == "attn_k") return {Rows::pairs, config.key_value_heads, 0};
  if (names.fused_by_head && module == "attn_qkv") return {Rows::triples, config.heads, 0};
  const bool matrix = kind == "weight" && !module.ends_with("norm") && !module.ends_with("_embd");
  if (names.transposed && matrix) return {Rows::transposed, 1, 0};
  return {};
}

}  // namespace

GgufPlace gguf_place(const Gguf& gguf, std::string_view name, const ModelConfig& config) {
  if (follows_from_config(name)) return {};
  const ModuleNames& names = family_of(config).names;
  const std::string_view family = *gguf.text("general.architecture");
  const size_t dot = name.rfind('.');
  const std::string_view kind = dot == std::string_view::npos ? "" : name.substr(dot + 1);
  std::string_view module = name.substr(0, dot);
  GgufPlace place;
  if (module == "output") {
    place.name = fmt::format("{}.{}", names.unembedding, kind);
  } else if (const auto ours = named(in_model, module, names); !ours.empty()) {
    place.name = fmt::format("{}{}.{}", names.prefix, ours, kind);
    place.arrangement = arrangement_of(family, module, kind, config, names);
  } else if (module.starts_with("blk.")) {
    module.remove_prefix(4);
    int layer = -1;
    const auto [end, failure] = std::from_chars(module.data(), module.data() + module.size(), layer);
    if (failure == std::errc() && layer >= 0 && end < module.data() + module.size() && *end == '.')
      module.remove_prefix(static_cast<size_t>(end - module.data()) + 1);
    if (const auto ours_in_block = named(in_block, module, names); !ours_in_block.empty())
      place.name = fmt::format("{}{}.{}.{}.{}", names.prefix, names.layers, layer, ours_in_block, kind);
    place.arrangement = arrangement_of(family, module, kind, config, names);
  }
  if (place.name.empty() || (kind != "weight" && kind != "bias"))
    throw Error(ErrorCode::unsupported, fmt::format("{}: tensor {} is no part of a {} that this program knows",
                                                    gguf.file(), in_quotes(name), config.architecture));
  return place;
}

}  // namespace stemma

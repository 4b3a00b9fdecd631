#include <fmt/format.h>

#include <algorithm>

#include "runtime/model/config_layers.h"
#include "runtime/model/files/json_file.h"

namespace stemma {

namespace {

using nlohmann::json;

const json* list_of_layers(const ConfigReader& reader, const char* key, int layers) {
  const json* list = reader.find(key);
  if (list && (!list->is_array() || list->size() < static_cast<size_t>(layers)))
    reader.refuse(fmt::format("'{}' must list all {} layers", key, layers));
  return list;
}

// The size of the window, 0 where no layer has one.
int window_of(const ConfigReader& reader, const Family& family, int context) {
  const bool switched =
      family.keys.window == WindowRule::upper_layers || family.keys.window == WindowRule::without_rope;
  if (switched && !reader.flag("use_sliding_window", false)) return 0;
  if (reader.says("sliding_window") && !reader.find("sliding_window")) return 0;
  const int window = reader.size("sliding_window", family.keys.default_window, int64_t{1} << 31);
  return window < context ? window : 0;
}

bool slides(const ConfigReader& reader, const Family& family, const json* types, int layer, bool turns) {
  const auto place = static_cast<size_t>(layer);
  if (types) return (*types)[place] == "sliding_attention";
  switch (family.keys.window) {
    case WindowRule::none:
      return false;
    case WindowRule::every_layer:
      return true;
    case WindowRule::upper_layers:
      if (const json* first = reader.find("max_window_layers"); first && *first == 0) return true;
      return layer >= reader.size("max_window_layers", 28);
    case WindowRule::pattern:
      return (layer + 1) % reader.size("sliding_window_pattern", family.keys.window_period) != 0;
    case WindowRule::without_rope:
      return !turns;
  }
  return false;
}

}  // namespace

void read_kinds(const ConfigReader& reader, const Family& family, ModelConfig& config,
                std::vector<std::string>& reasons) {
  if (family.keys.window == WindowRule::none) {
    if (reader.find("sliding_window")) reasons.push_back("attention in a sliding window (sliding_window)");
    if (family.block.learned_positions) config.kinds.assign(static_cast<size_t>(config.layers), {0, RopeUse::none});
    return;
  }
  const json* types = list_of_layers(reader, "layer_types", config.layers);
  if (types)
    for (const json& type : *types)
      if (type != "sliding_attention" && type != "full_attention")
        reasons.push_back(fmt::format("attention {} (layer_types)",
                                      type.is_string() ? in_quotes(type.get<std::string>()) : "of an unnamed kind"));
  const bool may_lack_rope = family.keys.window == WindowRule::without_rope;
  const json* ropes = may_lack_rope ? list_of_layers(reader, "no_rope_layers", config.layers) : nullptr;
  const int interval = may_lack_rope ? reader.size("no_rope_layer_interval", 4) : 0;
  const int window = window_of(reader, family, config.context);
  for (int layer = 0; layer < config.layers; ++layer) {
    LayerKind kind;
    if (ropes) {
      const json& use = (*ropes)[static_cast<size_t>(layer)];
      if (use != 0 && use != 1) reader.refuse("'no_rope_layers' holds something that is neither 0 nor 1");
      if (use == 0) kind.rope = RopeUse::none;
    } else if (may_lack_rope && (layer + 1) % interval == 0) {
      kind.rope = RopeUse::none;
    }
    if (slides(reader, family, types, layer, kind.rope != RopeUse::none)) {
      kind.window = window;
      if (family.keys.local_rope) kind.rope = RopeUse::local;
    }
    config.kinds.push_back(kind);
  }
  if (std::all_of(config.kinds.begin(), config.kinds.end(), [](const LayerKind& kind) { return kind == LayerKind{}; }))
    config.kinds.clear();
}

}  // namespace stemma

#include <fmt/format.h>

#include <cmath>

#include "runtime/model/config_layers.h"
#include "runtime/model/files/json_file.h"

namespace stemma {

namespace {

using nlohmann::json;
using Kind = RopeScaling::Kind;

std::vector<float> factors(const ConfigReader& reader, std::string_view key, int count) {
  const json* list = reader.find(key);
  if (!list || !list->is_array() || list->size() != static_cast<size_t>(count))
    reader.refuse(fmt::format("'{}' must be a list of {} numbers, one for each pair that turns", key, count));
  std::vector<float> values;
  for (const json& item : *list) {
    const double value = item.is_number() ? item.get<double>() : 0;
    if (!(value > 0 && value < 1e9)) reader.refuse(fmt::format("'{}' holds something that is no positive number", key));
    values.push_back(static_cast<float>(value));
  }
  return values;
}

std::string kind_name(const ConfigReader& scaling) { return scaling.text("rope_type", scaling.text("type", "")); }

void read_yarn(const ConfigReader& scaling, const ModelConfig& config, RopeScaling& rope) {
  rope.factor =
      scaling.number("factor", static_cast<float>(config.context) / static_cast<float>(rope.original_context));
  rope.fast = scaling.number("beta_fast", 32);
  rope.slow = scaling.number("beta_slow", 1);
  rope.whole_bounds = scaling.flag("truncate", true);
  const auto grown = [&](float by) {
    return rope.factor <= 1 ? 1.0 : 0.1 * by * std::log(static_cast<double>(rope.factor)) + 1.0;
  };
  const float scale = scaling.find("mscale") ? scaling.number("mscale", 1) : 0,
              all = scaling.find("mscale_all_dim") ? scaling.number("mscale_all_dim", 1) : 0;
  rope.magnitude = scaling.number("attention_factor",
                                  static_cast<float>(scale > 0 && all > 0 ? grown(scale) / grown(all) : grown(1)));
}

void read_longrope(const ConfigReader& scaling, const ModelConfig& config, RopeScaling& rope) {
  const double original = rope.original_context;
  const double factor = scaling.number("factor", static_cast<float>(config.context / original));
  const double magnitude = factor <= 1 || original <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(original));
  rope.magnitude = scaling.number("attention_factor", static_cast<float>(magnitude));
  rope.short_factors = factors(scaling, "short_factor", config.rope_width() / 2);
  rope.long_factors = factors(scaling, "long_factor", config.rope_width() / 2);
}

void read_scaling(const ConfigReader& reader, const ConfigReader& scaling, const Family& family, const char* key,
                  ModelConfig& config, std::vector<std::string>& reasons) {
  RopeScaling& rope = config.rope;
  std::string kind = kind_name(scaling);
  const bool phi = family.model_type == "phi3";
  if (kind == "su" || (phi && kind == "yarn")) kind = "longrope";  // the names that Phi-3's first releases use
  // Beside the scaling it counts for more than inside; Phi-3 always has it there.
  rope.original_context = reader.size("original_max_position_embeddings",
                                      phi ? 4096 : scaling.size("original_max_position_embeddings", config.context));
  if (kind == "default" || kind == "dynamic") {  // within the context a dynamic scaling changes nothing
    rope.original_context = 0;
  } else if (kind == "linear") {
    rope.kind = Kind::linear;
    rope.factor = scaling.number("factor", 1);
  } else if (kind == "llama3") {
    rope.kind = Kind::llama3;
    rope.factor = scaling.number("factor", 8);
    rope.low_frequency = scaling.number("low_freq_factor", 1);
    rope.high_frequency = scaling.number("high_freq_factor", 4);
    if (!(rope.high_frequency > rope.low_frequency))
      reader.refuse("'high_freq_factor' must be larger than 'low_freq_factor'");
  } else if (kind == "yarn") {
    rope.kind = Kind::yarn;
    read_yarn(scaling, config, rope);
  } else if (kind == "longrope") {
    rope.kind = Kind::longrope;
    read_longrope(scaling, config, rope);
  } else {
    reasons.push_back(
        fmt::format("scaled rotary positions {} ({})", kind.empty() ? "of an unnamed kind" : in_quotes(kind), key));
  }
}

// The columns of a head that turn.
void read_width(const ConfigReader& reader, const ConfigReader* parameters, const Family& family, ModelConfig& config,
                std::vector<std::string>& reasons) {
  float part = reader.number("partial_rotary_factor", family.keys.partial_rotary ? family.keys.partial_rotary : 1);
  if (parameters) part = parameters->number("partial_rotary_factor", part);
  if (part == 1) return;
  if (!family.keys.partial_rotary || part > 1)
    return reasons.push_back("rotary positions on part of a head (partial_rotary_factor)");
  config.rope.width = static_cast<int>(static_cast<float>(config.head_width) * part);
  if (config.rope.width < 2 || config.rope.width % 2)
    reader.refuse(fmt::format("{} columns of a head of width {} cannot be turned in pairs", config.rope.width,
                              config.head_width));
}

}  // namespace

void read_rope(const ConfigReader& reader, const Family& family, ModelConfig& config,
               std::vector<std::string>& reasons) {
  if (family.block.learned_positions) return;
  const json* parameters = reader.object("rope_parameters");
  const json* scaling = reader.object("rope_scaling");
  const json* local = nullptr;
  if (parameters && family.keys.local_rope &&
      (parameters->contains("full_attention") || parameters->contains("sliding_attention"))) {
    const ConfigReader nested(*parameters, reader.file());
    local = nested.object("sliding_attention");
    parameters = nested.object("full_attention");
  }
  config.rope_theta = reader.number("rope_theta", family.keys.default_theta);
  config.local_rope_theta =
      family.keys.local_rope
          ? reader.number("rope_local_base_freq", family.model_type == "olmo3" ? config.rope_theta : 10000)
          : 10000;
  if (parameters) config.rope_theta = ConfigReader(*parameters, reader.file()).number("rope_theta", config.rope_theta);
  if (local) {
    const ConfigReader own(*local, reader.file());
    config.local_rope_theta = own.number("rope_theta", config.local_rope_theta);
    if (const std::string kind = kind_name(own); !kind.empty() && kind != "default")
      reasons.push_back(fmt::format("scaled rotary positions {} of sliding layers", in_quotes(kind)));
  }
  const char* key = scaling && !scaling->empty() ? "rope_scaling" : "rope_parameters";
  if (!scaling || scaling->empty()) scaling = parameters;
  if (!scaling) return read_width(reader, nullptr, family, config, reasons);
  const ConfigReader chosen(*scaling, reader.file());
  config.rope_theta = chosen.number("rope_theta", config.rope_theta);
  read_width(reader, &chosen, family, config, reasons);
  if (scaling != parameters || !kind_name(chosen).empty()) read_scaling(reader, chosen, family, key, config, reasons);
}

}  // namespace stemma

// What config.json says of the positions and of the single layers. Internal to runtime/model.
#pragma once

#include <string>
#include <vector>

#include "runtime/model/config_reader.h"
#include "runtime/model/family.h"

namespace stemma {

// Sets rope_theta, rope and local_rope_theta from layers, heads and context. Adds what is not supported to `reasons`.
void read_rope(const ConfigReader& reader, const Family& family, ModelConfig& config,
               std::vector<std::string>& reasons);
// Sets the kinds of the layers: windows, layers without positions.
void read_kinds(const ConfigReader& reader, const Family& family, ModelConfig& config,
                std::vector<std::string>& reasons);

}  // namespace stemma

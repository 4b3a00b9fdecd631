// What a generation is to record, from the words a person writes.
#pragma once

#include <string>
#include <vector>

#include "runtime/model/sites.h"

namespace stemma {

// `list`: names or patterns separated by commas, '*' for any letters ("blocks.*.hook_resid_post"), and the words
// "none", "residual" (every hook_resid_post) and "all". Sites come in the order of the forward, none twice. Throws
// Error(usage) that names what is no site, and the nearest.
std::vector<Site> read_capture_list(const std::string& list, const ModelConfig& config);

}  // namespace stemma

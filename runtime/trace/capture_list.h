// What a generation is to record, from the words a person writes.
#pragma once

#include <string>
#include <vector>

#include "runtime/model/sites.h"

namespace stemma {

struct CaptureChoice {
  std::vector<Site> sites;  // in the order of the forward, none twice
  bool attention = false;   // the means from step to step
};

// `list`: names or patterns separated by commas, '*' for any letters ("blocks.*.hook_resid_post"), and the words "none",
// "residual" (every hook_resid_post), "attention" and "all" (every site, and attention). Throws Error(usage) that names
// what is no site, and the nearest.
CaptureChoice read_capture_list(const std::string& list, const ModelConfig& config);

}  // namespace stemma

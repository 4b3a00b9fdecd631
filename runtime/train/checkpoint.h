// The state of a training in hand: enough to go on bit for bit.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/train/train.h"

namespace stemma {

struct TrainingState {
  std::string fingerprint;  // of configuration, corpus and tokenizer: only the same training resumes from it
  int64_t step = 0, tokens = 0;
  double seconds = 0;
  std::vector<TrainPoint> curve;
  double loss_sum = 0, norm_sum = 0;  // over the steps since the curve's last point
  std::vector<float> weights, first, second;  // flat, as in Weights
};

// Replaces `folder`/state whole (written beside, synced, renamed).
void save_checkpoint(const TrainingState& checkpoint, const std::filesystem::path& folder);
// False where there is none of this fingerprint.
bool load_checkpoint(const std::filesystem::path& folder, const std::string& fingerprint, TrainingState& checkpoint);

}  // namespace stemma

// Pretraining of small decoders: AdamW, warm-up and cosine, clipping, accumulation; exact resume; deterministic by seed.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "kernels/ops.h"
#include "runtime/corpus/corpus.h"
#include "runtime/model/config.h"
#include "runtime/progress.h"

namespace stemma {

struct TrainConfig {
  ModelConfig model;
  std::filesystem::path tokenizer;  // folder with tokenizer.json, copied into the result
  double passes = 1;                // over the corpus
  int64_t batch_tokens = 8192;      // per optimiser step; whole documents are packed, attention stays inside each
  int accumulation = 1;             // parts in which a step's tokens are computed
  double rate = 3e-3, final_rate = 3e-4;
  double warmup = 0.02;  // share of the steps
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, decay = 0.1, clip = 1;
  uint64_t seed = 1;
  int checkpoint_every = 500;  // steps; 0: only at the end
};

// Reads the JSON of `stemma train --config`. Unknown keys are refused by name. Throws Error.
TrainConfig read_train_config(const std::filesystem::path& file);

struct TrainPoint {
  int64_t step = 0;
  double loss = 0;  // nats per token, mean over the step
  double rate = 0, gradient_norm = 0, seconds = 0;
  int64_t tokens = 0;  // so far
};
struct TrainPlan {
  int64_t documents = 0, tokens = 0, steps = 0, parameters = 0;
  double tokens_per_second = 0, seconds = 0;  // measured on a few steps
};
struct TrainResult {
  std::vector<TrainPoint> curve;
  int64_t parameters = 0, tokens = 0;
  double seconds = 0;
};

TrainPlan plan_training(const TrainConfig& config, const Corpus& corpus, std::shared_ptr<Ops> ops);
// Writes a Hugging Face folder to `out` (config.json, model.safetensors, tokenizer files, training.json: the curve and
// what made it). Resumes from `out`/checkpoint where one of the same config and corpus lies; then the result is bit for
// bit that of an undisturbed run on the same device and threads. A cancel leaves a checkpoint. Where `out` holds the end of
// the same training by the same program on the same device, that is the result.
TrainResult train(const TrainConfig& config, const Corpus& corpus, std::shared_ptr<Ops> ops, const std::filesystem::path& out,
                  const std::function<void(const TrainPoint&)>& point, const Control& control);

}  // namespace stemma

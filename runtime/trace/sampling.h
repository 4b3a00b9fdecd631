// From a row of logits: what was likely, how sure the model was, and which token comes next.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/random.h"
#include "runtime/trace/trace.h"

namespace stemma {

// Log-probabilities (nats) of the natural distribution, temperature 1.
struct Distribution {
  std::vector<float> logprobs;  // (V)
  float entropy = 0;            // nats

  explicit Distribution(const float* logits, int64_t vocabulary);
  bool likelier(int32_t a, int32_t b) const {  // ties: the smaller id
    return logprobs[a] != logprobs[b] ? logprobs[a] > logprobs[b] : a < b;
  }
  std::vector<std::pair<int32_t, float>> top(int k) const;  // most likely first
};

// Draws the next token: temperature, then top-k, then top-p; greedy at temperature 0 (ties by id).
int32_t draw(const Distribution& distribution, const Sampler& sampler, Random& random);

}  // namespace stemma

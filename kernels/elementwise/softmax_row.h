// One row of logits on the host, after it left the device: what sampling and a trace's numbers are made of. One thread.
#pragma once

#include <cstdint>

namespace stemma {

float largest(const float* x, int64_t n);  // n > 0

// logprobs[i] = log softmax(logits)[i] in nats, (V) each. Returns the distribution's entropy in nats. Sums are f64.
double log_softmax_row(const float* logits, int64_t vocabulary, float* logprobs);

// weights[i] = exp((logprobs[i] - the largest) / temperature), (V) each.                        temperature > 0
void softmax_weights(const float* logprobs, int64_t vocabulary, double temperature, float* weights);

}  // namespace stemma

#include "kernels/elementwise/softmax_row.h"

#include <algorithm>
#include <cmath>

#include "kernels/cpu_kernels.h"

namespace stemma {

STEMMA_CLONES float largest(const float* x, int64_t n) {
  float most = x[0];
#pragma omp simd reduction(max : most)
  for (int64_t i = 0; i < n; ++i) most = x[i] > most ? x[i] : most;
  return most;
}

namespace {

struct Sums {
  double weights = 0, moments = 0;  // of e^d and d e^d, d below 0 by how much a logit is below the largest
};
STEMMA_CLONES Sums sums_of(const float* x, float most, int64_t n) {
  double weights = 0, moments = 0;
#pragma omp simd reduction(+ : weights, moments)
  for (int64_t i = 0; i < n; ++i) {
    const float d = x[i] - most, e = cpu::fast_exp(d);
    weights += e;
    moments += d * e;
  }
  return {weights, moments};
}

STEMMA_CLONES void subtract(const float* x, double shift, int64_t n, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(x[i] - shift);
}

STEMMA_CLONES void exponents(const float* x, float most, float factor, int64_t n, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = cpu::fast_exp((x[i] - most) * factor);
}

}  // namespace

double log_softmax_row(const float* logits, int64_t vocabulary, float* logprobs) {
  const float most = largest(logits, vocabulary);
  const Sums sums = sums_of(logits, most, vocabulary);
  const double log_sum = std::log(sums.weights);
  subtract(logits, most + log_sum, vocabulary, logprobs);
  return log_sum - sums.moments / sums.weights;
}

void softmax_weights(const float* logprobs, int64_t vocabulary, double temperature, float* weights) {
  const double factor = std::min(1 / temperature, 1e30);  // 0 times infinity is no number
  exponents(logprobs, largest(logprobs, vocabulary), static_cast<float>(factor), vocabulary, weights);
}

}  // namespace stemma

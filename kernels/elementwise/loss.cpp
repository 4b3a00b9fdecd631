#include <cmath>

#include "kernels/cpu_kernels.h"
#include "kernels/elementwise/softmax_row.h"

namespace stemma::cpu {
namespace {

// Replaces x by exp(x - most); returns the sum.
STEMMA_CLONES float exponents(float* x, float most, int64_t n) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) {
    x[i] = fast_exp(x[i] - most);
    sum += x[i];
  }
  return sum;
}

constexpr int64_t stretch = 64;  // of a row whose exponents are summed in f32

STEMMA_CLONES float exponents_sum(const float* x, float most, int64_t n) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += fast_exp(x[i] - most);
  return sum;
}

STEMMA_CLONES void scale(float* x, float factor, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) x[i] *= factor;
}

}  // namespace

void cross_entropy(Tensor logits, Ids targets, float weight, Tensor losses) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < logits.rows; ++n) {
    float* row = logits.row(n);
    const int32_t target = targets.data[n];
    if (target < 0) {
      for (int64_t i = 0; i < logits.columns; ++i) row[i] = 0;
      losses.data[n] = 0;
      continue;
    }
    const float most = largest(row, logits.columns), chosen = row[target];
    const float sum = exponents(row, most, logits.columns);
    losses.data[n] = std::log(sum) + (most - chosen);
    scale(row, weight / sum, logits.columns);
    row[target] -= weight;
  }
}

void sample_targets(Tensor logits, Tensor uniforms, Ids targets) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < logits.rows; ++n) {
    if (targets.data[n] < 0) continue;
    const float* row = logits.row(n);
    const int64_t size = logits.columns;
    const float most = largest(row, size);
    const auto part = [&](int64_t begin) {
      return exponents_sum(row + begin, most, begin + stretch < size ? stretch : size - begin);
    };
    double sum = 0;
    for (int64_t begin = 0; begin < size; begin += stretch) sum += part(begin);
    // The stretch that the number falls into, then the place in it.
    double left = uniforms.data[n] * sum;
    int64_t begin = 0;
    for (; begin + stretch < size; begin += stretch) {
      const double here = part(begin);
      if (left < here) break;
      left -= here;
    }
    int64_t chosen = begin;
    for (; chosen + 1 < size && chosen + 1 < begin + stretch; ++chosen) {
      left -= fast_exp(row[chosen] - most);
      if (left < 0) break;
    }
    targets.data[n] = static_cast<int32_t>(chosen);
  }
}

}  // namespace stemma::cpu

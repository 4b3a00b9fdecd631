#include <cmath>
#include <vector>

#include "kernels/cpu_kernels.h"

namespace stemma::cpu {
namespace {

constexpr int64_t block = 1 << 14;

STEMMA_CLONES void step(float* p, const float* g, float* m, float* v, int64_t n, float rate, float beta1, float beta2,
                        float epsilon, float shrink, float first_scale, float second_scale) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    m[i] = beta1 * m[i] + (1 - beta1) * g[i];
    v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
    p[i] = p[i] * shrink - rate * (m[i] * first_scale) / (__builtin_sqrtf(v[i] * second_scale) + epsilon);
  }
}

// Of both: memory answers two places faster than one.
STEMMA_CLONES double squares(const float* x, const float* y, int64_t n) {
  float sum = 0, other = 0;
#pragma omp simd reduction(+ : sum, other)
  for (int64_t i = 0; i < n; ++i) {
    sum += x[i] * x[i];
    other += y[i] * y[i];
  }
  return double{sum} + other;
}

}  // namespace

void adamw(Tensor parameter, Tensor gradient, Tensor first, Tensor second, const Ops::AdamW& s) {
  const auto first_scale = static_cast<float>(1 / (1 - std::pow(double(s.beta1), double(s.step))));
  const auto second_scale = static_cast<float>(1 / (1 - std::pow(double(s.beta2), double(s.step))));
  const int64_t size = parameter.size();
#pragma omp parallel for schedule(static)
  for (int64_t begin = 0; begin < size; begin += block)
    step(parameter.data + begin, gradient.data + begin, first.data + begin, second.data + begin,
         size - begin < block ? size - begin : block, s.rate, s.beta1, s.beta2, s.epsilon, 1 - s.rate * s.decay,
         first_scale, second_scale);
}

// Block sums are added in order, so the number does not depend on the threads.
double sum_of_squares(Tensor x) {
  const int64_t size = x.size(), blocks = (size + block - 1) / block;
  std::vector<double> sums(static_cast<size_t>(blocks));
#pragma omp parallel for schedule(static)
  for (int64_t b = 0; b < blocks; ++b) {
    const float* const at = x.data + b * block;
    const int64_t count = size - b * block < block ? size - b * block : block, half = count / 2;
    sums[b] = squares(at, at + half, half);
    if (count % 2) sums[b] += double{at[count - 1]} * at[count - 1];
  }
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace stemma::cpu

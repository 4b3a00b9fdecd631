#include "kernels/cpu_kernels.h"

namespace stemma::cpu {
namespace {

constexpr int64_t block = 1 << 12;

STEMMA_CLONES void divide_span(const float* x, const float* d, float damping, float* y, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] / (d[i] + damping);
}

STEMMA_CLONES float dot(const float* a, const float* b, int64_t n) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

void divide_damped(Tensor x, Tensor d, float damping, Tensor y) {
#pragma omp parallel for schedule(static)
  for (int64_t begin = 0; begin < x.size(); begin += block)
    divide_span(x.data + begin, d.data + begin, damping, y.data + begin, x.size() - begin < block ? x.size() - begin : block);
}

void row_dots(Tensor a, Tensor b, Tensor dots) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < a.rows; ++n) dots.data[n] += dot(a.row(n), b.row(n), a.columns);
}

}  // namespace stemma::cpu

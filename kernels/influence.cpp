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

STEMMA_CLONES void add_scaled(const float* x, float scale, float* y, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] += scale * x[i];
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

void fold(Tensor x, Ids places, Tensor y) {
  if (places.rows == 0) return;
  const int64_t length = x.columns / places.rows;
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < x.rows; ++n)
    for (int64_t p = 0; p < places.rows; ++p) {
      const int32_t place = places.data[p];
      int64_t at = place < 0 ? -1 - place : place;
      for (int64_t done = 0; done < length;) {
        const int64_t now = length - done < y.columns - at ? length - done : y.columns - at;
        add_scaled(x.row(n) + p * length + done, place < 0 ? -1.0f : 1.0f, y.row(n) + at, now);
        done += now;
        at = 0;
      }
    }
}

}  // namespace stemma::cpu

#include "kernels/cpu_kernels.h"

namespace stemma::cpu {
namespace {

STEMMA_CLONES void add_row(const float* from, float* to, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) to[i] += from[i];
}

STEMMA_CLONES void cap_row(float* x, float cap, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) x[i] = cap * fast_tanh(x[i] / cap);
}

}  // namespace

void add_bias(Tensor bias, Tensor y) {
#pragma omp parallel for schedule(static) if (y.rows > 1 && y.size() >= shared_from)
  for (int64_t n = 0; n < y.rows; ++n) add_row(bias.data, y.row(n), y.columns);
}

void add_bias_backward(Tensor y_gradient, Tensor bias_gradient) {
  const int64_t columns = y_gradient.columns, block = 32;
#pragma omp parallel for schedule(static)
  for (int64_t begin = 0; begin < columns; begin += block)
    for (int64_t n = 0; n < y_gradient.rows; ++n)
      add_row(y_gradient.row(n) + begin, bias_gradient.data + begin, columns - begin < block ? columns - begin : block);
}

void soft_cap(Tensor x, float cap) {
#pragma omp parallel for schedule(static) if (x.rows > 1 && x.size() >= shared_from)
  for (int64_t n = 0; n < x.rows; ++n) cap_row(x.row(n), cap, x.columns);
}

void soft_cap_backward(Tensor y, float cap, Tensor gradient) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < y.rows; ++n)
    for (int64_t c = 0; c < y.columns; ++c) {
      const float part = y.row(n)[c] / cap;
      gradient.row(n)[c] *= 1 - part * part;
    }
}

void clip(Tensor x, float limit) {
#pragma omp parallel for schedule(static) if (x.rows > 1 && x.size() >= shared_from)
  for (int64_t n = 0; n < x.rows; ++n)
    for (int64_t c = 0; c < x.columns; ++c) {
      float& value = x.row(n)[c];
      value = value < -limit ? -limit : (value > limit ? limit : value);
    }
}

void clip_backward(Tensor y, float limit, Tensor gradient) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < y.rows; ++n)
    for (int64_t c = 0; c < y.columns; ++c)
      if (!(y.row(n)[c] > -limit && y.row(n)[c] < limit)) gradient.row(n)[c] = 0;
}

}  // namespace stemma::cpu

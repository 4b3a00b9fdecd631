#include <cmath>

#include "kernels/cpu_kernels.h"

namespace stemma::cpu {
namespace {

STEMMA_CLONES float forward_row(const float* x, const float* weight, float epsilon, float* y, int64_t width) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t c = 0; c < width; ++c) sum += x[c] * x[c];
  const float inverse = 1.0f / std::sqrt(sum / static_cast<float>(width) + epsilon);
#pragma omp simd
  for (int64_t c = 0; c < width; ++c) y[c] = x[c] * inverse * weight[c];
  return inverse;
}

// dx = inverse (w dy - x inverse^2 mean(w dy x))
STEMMA_CLONES void backward_row(const float* x, const float* weight, float inverse, const float* dy, float* dx,
                                int64_t width) {
  float dot = 0;
#pragma omp simd reduction(+ : dot)
  for (int64_t c = 0; c < width; ++c) dot += weight[c] * dy[c] * x[c];
  const float pull = dot * inverse * inverse / static_cast<float>(width);
#pragma omp simd
  for (int64_t c = 0; c < width; ++c) dx[c] += inverse * (weight[c] * dy[c] - x[c] * pull);
}

// dy = w inverse (dx - x inverse^2 mean(x dx))
STEMMA_CLONES void tangent_row(const float* x, const float* weight, float inverse, const float* dx, float* dy,
                               int64_t width) {
  float dot = 0;
#pragma omp simd reduction(+ : dot)
  for (int64_t c = 0; c < width; ++c) dot += x[c] * dx[c];
  const float pull = dot * inverse * inverse / static_cast<float>(width);
#pragma omp simd
  for (int64_t c = 0; c < width; ++c) dy[c] = weight[c] * inverse * (dx[c] - x[c] * pull);
}

STEMMA_CLONES void weight_columns(Tensor x, Tensor inverse_rms, Tensor dy, float* dweight, int64_t begin, int64_t end) {
  for (int64_t n = 0; n < x.rows; ++n) {
    const float* xs = x.row(n);
    const float* gs = dy.row(n);
    const float inverse = inverse_rms.data[n];
#pragma omp simd
    for (int64_t c = begin; c < end; ++c) dweight[c] += gs[c] * xs[c] * inverse;
  }
}

}  // namespace

void rms_norm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverse_rms) {
#pragma omp parallel for schedule(static) if (x.rows > 1 && x.size() >= shared_from)
  for (int64_t n = 0; n < x.rows; ++n)
    inverse_rms.data[n] = forward_row(x.row(n), weight.data, epsilon, y.row(n), x.columns);
}

void rms_norm_backward(Tensor x, Tensor weight, Tensor inverse_rms, Tensor y_gradient, Tensor x_gradient,
                       Tensor weight_gradient) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < x.rows; ++n)
    backward_row(x.row(n), weight.data, inverse_rms.data[n], y_gradient.row(n), x_gradient.row(n), x.columns);
  if (!weight_gradient) return;
  const int64_t block = 32;
#pragma omp parallel for schedule(static)
  for (int64_t begin = 0; begin < x.columns; begin += block)
    weight_columns(x, inverse_rms, y_gradient, weight_gradient.data, begin,
                   begin + block < x.columns ? begin + block : x.columns);
}

void rms_norm_tangent(Tensor x, Tensor weight, Tensor inverse_rms, Tensor x_tangent, Tensor y_tangent) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < x.rows; ++n)
    tangent_row(x.row(n), weight.data, inverse_rms.data[n], x_tangent.row(n), y_tangent.row(n), x.columns);
}

}  // namespace stemma::cpu

#include <cmath>

#include "kernels/cpu_kernels.h"

namespace stemma::cpu {
namespace {

STEMMA_CLONES void forward_row(const float* x, const float* weight, const float* bias, float epsilon, float* y,
                               float* statistics, int64_t width) {
  float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t c = 0; c < width; ++c) sum += x[c];
  const float mean = sum / static_cast<float>(width);
#pragma omp simd reduction(+ : squares)
  for (int64_t c = 0; c < width; ++c) squares += (x[c] - mean) * (x[c] - mean);
  const float inverse = 1.0f / std::sqrt(squares / static_cast<float>(width) + epsilon);
  statistics[0] = mean;
  statistics[1] = inverse;
#pragma omp simd
  for (int64_t c = 0; c < width; ++c) y[c] = (x[c] - mean) * inverse;
  if (weight)
#pragma omp simd
    for (int64_t c = 0; c < width; ++c) y[c] *= weight[c];
  if (bias)
#pragma omp simd
    for (int64_t c = 0; c < width; ++c) y[c] += bias[c];
}

// With n = (x - mean) inverse and h = w dy: dx = inverse (h - mean(h) - n mean(h n)).
STEMMA_CLONES void backward_row(const float* x, const float* weight, const float* statistics, const float* dy,
                                float* dx, int64_t width) {
  const float mean = statistics[0], inverse = statistics[1];
  float sum = 0, along = 0;
#pragma omp simd reduction(+ : sum, along)
  for (int64_t c = 0; c < width; ++c) {
    const float h = weight ? weight[c] * dy[c] : dy[c];
    sum += h;
    along += h * (x[c] - mean);
  }
  const float shift = sum / static_cast<float>(width), pull = along * inverse * inverse / static_cast<float>(width);
#pragma omp simd
  for (int64_t c = 0; c < width; ++c) {
    const float h = weight ? weight[c] * dy[c] : dy[c];
    dx[c] += inverse * (h - shift - (x[c] - mean) * pull);
  }
}

// With n = (x - mean) inverse: dy = w inverse (dx - mean(dx) - n mean(n dx)).
STEMMA_CLONES void tangent_row(const float* x, const float* weight, const float* statistics, const float* dx, float* dy,
                               int64_t width) {
  const float mean = statistics[0], inverse = statistics[1];
  float sum = 0, along = 0;
#pragma omp simd reduction(+ : sum, along)
  for (int64_t c = 0; c < width; ++c) {
    sum += dx[c];
    along += dx[c] * (x[c] - mean);
  }
  const float shift = sum / static_cast<float>(width), pull = along * inverse * inverse / static_cast<float>(width);
#pragma omp simd
  for (int64_t c = 0; c < width; ++c)
    dy[c] = (weight ? weight[c] : 1.0f) * inverse * (dx[c] - shift - (x[c] - mean) * pull);
}

STEMMA_CLONES void parameter_columns(Tensor x, Tensor statistics, Tensor dy, float* dweight, float* dbias,
                                     int64_t begin, int64_t end) {
  for (int64_t n = 0; n < x.rows; ++n) {
    const float *xs = x.row(n), *gs = dy.row(n);
    const float mean = statistics.row(n)[0], inverse = statistics.row(n)[1];
    if (dweight)
#pragma omp simd
      for (int64_t c = begin; c < end; ++c) dweight[c] += gs[c] * (xs[c] - mean) * inverse;
    if (dbias)
#pragma omp simd
      for (int64_t c = begin; c < end; ++c) dbias[c] += gs[c];
  }
}

}  // namespace

void layer_norm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y, Tensor statistics) {
#pragma omp parallel for schedule(static) if (x.rows > 1 && x.size() >= shared_from)
  for (int64_t n = 0; n < x.rows; ++n)
    forward_row(x.row(n), weight.data, bias.data, epsilon, y.row(n), statistics.row(n), x.columns);
}

void layer_norm_backward(Tensor x, Tensor weight, Tensor statistics, Tensor y_gradient, Tensor x_gradient,
                         Tensor weight_gradient, Tensor bias_gradient) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < x.rows; ++n)
    backward_row(x.row(n), weight.data, statistics.row(n), y_gradient.row(n), x_gradient.row(n), x.columns);
  if (!weight_gradient && !bias_gradient) return;
  const int64_t block = 32;
#pragma omp parallel for schedule(static)
  for (int64_t begin = 0; begin < x.columns; begin += block)
    parameter_columns(x, statistics, y_gradient, weight_gradient.data, bias_gradient.data, begin,
                      begin + block < x.columns ? begin + block : x.columns);
}

void layer_norm_tangent(Tensor x, Tensor weight, Tensor statistics, Tensor x_tangent, Tensor y_tangent) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < x.rows; ++n)
    tangent_row(x.row(n), weight.data, statistics.row(n), x_tangent.row(n), y_tangent.row(n), x.columns);
}

}  // namespace stemma::cpu

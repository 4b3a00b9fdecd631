#include <cmath>

#include "kernels/cpu_kernels.h"

namespace stemma::cpu {
namespace {

struct Value {
  float y, slope;
};

inline __attribute__((always_inline)) Value by_tanh(float x) {
  constexpr float root = 0.7978845608028654f, cubic = 0.044715f;  // sqrt(2 / pi)
  const float t = fast_tanh(root * (x + cubic * x * x * x));
  return {0.5f * x * (1 + t), 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * root * (1 + 3 * cubic * x * x)};
}

inline Value exact(float x) {
  constexpr float half_root = 0.7071067811865476f, density = 0.3989422804014327f;  // 1/sqrt(2), 1/sqrt(2 pi)
  const float below = 0.5f * std::erfc(-x * half_root);
  return {x * below, below + x * density * fast_exp(-0.5f * x * x)};
}

template <class F>
inline __attribute__((always_inline)) void forward_row(F f, const float* x, const float* up, float* out, int64_t n) {
  if (up)
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) out[i] = f(x[i]).y * up[i];
  else
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) out[i] = f(x[i]).y;
}

template <class F>
inline __attribute__((always_inline)) void backward_row(F f, const float* x, const float* up, const float* dout,
                                                        float* dx, float* dup, int64_t n) {
  if (up)
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      const Value v = f(x[i]);
      const float d = dout[i], u = up[i];
      dup[i] = d * v.y;
      dx[i] = d * u * v.slope;
    }
  else
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) dx[i] = dout[i] * f(x[i]).slope;
}

template <class F>
inline __attribute__((always_inline)) void tangent_row(F f, const float* x, const float* up, const float* dx,
                                                       const float* dup, float* dout, int64_t n) {
  if (up)
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      const Value v = f(x[i]);
      dout[i] = dx[i] * v.slope * up[i] + dup[i] * v.y;
    }
  else
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) dout[i] = dx[i] * f(x[i]).slope;
}

STEMMA_CLONES void forward_by_tanh(const float* x, const float* up, float* out, int64_t n) {
  forward_row(by_tanh, x, up, out, n);
}
STEMMA_CLONES void backward_by_tanh(const float* x, const float* up, const float* dout, float* dx, float* dup,
                                    int64_t n) {
  backward_row(by_tanh, x, up, dout, dx, dup, n);
}

STEMMA_CLONES void tangent_by_tanh(const float* x, const float* up, const float* dx, const float* dup, float* dout,
                                   int64_t n) {
  tangent_row(by_tanh, x, up, dx, dup, dout, n);
}

}  // namespace

void gelu(Gelu kind, Tensor x, Tensor up, Tensor out) {
#pragma omp parallel for schedule(static) if (out.rows > 1 && out.size() >= shared_from)
  for (int64_t n = 0; n < out.rows; ++n) {
    const float* factor = up ? up.row(n) : nullptr;
    if (kind == Gelu::tanh)
      forward_by_tanh(x.row(n), factor, out.row(n), out.columns);
    else
      forward_row(exact, x.row(n), factor, out.row(n), out.columns);
  }
}

void gelu_backward(Gelu kind, Tensor x, Tensor up, Tensor out_gradient, Tensor x_gradient, Tensor up_gradient) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < x.rows; ++n) {
    const float* factor = up ? up.row(n) : nullptr;
    float* factor_gradient = up ? up_gradient.row(n) : nullptr;
    if (kind == Gelu::tanh)
      backward_by_tanh(x.row(n), factor, out_gradient.row(n), x_gradient.row(n), factor_gradient, x.columns);
    else
      backward_row(exact, x.row(n), factor, out_gradient.row(n), x_gradient.row(n), factor_gradient, x.columns);
  }
}

void gelu_tangent(Gelu kind, Tensor x, Tensor up, Tensor x_tangent, Tensor up_tangent, Tensor out_tangent) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < x.rows; ++n) {
    const float *factor = up ? up.row(n) : nullptr, *factor_tangent = up ? up_tangent.row(n) : nullptr;
    if (kind == Gelu::tanh)
      tangent_by_tanh(x.row(n), factor, x_tangent.row(n), factor_tangent, out_tangent.row(n), x.columns);
    else
      tangent_row(exact, x.row(n), factor, x_tangent.row(n), factor_tangent, out_tangent.row(n), x.columns);
  }
}

}  // namespace stemma::cpu

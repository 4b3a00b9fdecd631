#include "kernels/cpu_kernels.h"

namespace stemma::cpu {
namespace {

STEMMA_CLONES void forward_span(const float* gate, const float* up, float* out, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) out[i] = gate[i] / (1.0f + fast_exp(-gate[i])) * up[i];
}

STEMMA_CLONES void backward_span(const float* gate, const float* up, const float* dout, float* dgate, float* dup, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const float g = gate[i], d = dout[i], u = up[i];
    const float sigmoid = 1.0f / (1.0f + fast_exp(-g));
    dup[i] = d * g * sigmoid;
    dgate[i] = d * u * sigmoid * (1.0f + g * (1.0f - sigmoid));
  }
}

STEMMA_CLONES void tangent_span(const float* gate, const float* up, const float* dgate, const float* dup, float* dout,
                                int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const float g = gate[i], sigmoid = 1.0f / (1.0f + fast_exp(-g));
    dout[i] = sigmoid * (dup[i] * g + dgate[i] * up[i] * (1.0f + g * (1.0f - sigmoid)));
  }
}

}  // namespace

void swiglu(Tensor gate, Tensor up, Tensor out) {
#pragma omp parallel for schedule(static) if (out.rows > 1 && out.size() >= shared_from)
  for (int64_t n = 0; n < out.rows; ++n) forward_span(gate.row(n), up.row(n), out.row(n), out.columns);
}

void swiglu_backward(Tensor gate, Tensor up, Tensor out_gradient, Tensor gate_gradient, Tensor up_gradient) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < gate.rows; ++n)
    backward_span(gate.row(n), up.row(n), out_gradient.row(n), gate_gradient.row(n), up_gradient.row(n), gate.columns);
}

void swiglu_tangent(Tensor gate, Tensor up, Tensor gate_tangent, Tensor up_tangent, Tensor out_tangent) {
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < gate.rows; ++n)
    tangent_span(gate.row(n), up.row(n), gate_tangent.row(n), up_tangent.row(n), out_tangent.row(n), gate.columns);
}

}  // namespace stemma::cpu

#include "kernels/cuda_kernels.cuh"

namespace stemma::cuda {
namespace {

__device__ float sigmoid(float x) { return 1 / (1 + expf(-x)); }

__global__ void swiglu_kernel(Tensor gate, Tensor up, Tensor out) {
  for (int64_t i = first_index(); i < size_of(out); i += index_stride())
    out.data[i] = gate.data[i] * sigmoid(gate.data[i]) * up.data[i];
}

// The gradients may lie over gate, up or out_gradient: each thread reads its element before it writes.
__global__ void swiglu_backward_kernel(Tensor gate, Tensor up, Tensor out_gradient, Tensor gate_gradient,
                                       Tensor up_gradient) {
  for (int64_t i = first_index(); i < size_of(gate); i += index_stride()) {
    const float g = gate.data[i], u = up.data[i], above = out_gradient.data[i], s = sigmoid(g);
    gate_gradient.data[i] = above * u * s * (1 + g * (1 - s));
    up_gradient.data[i] = above * g * s;
  }
}

__global__ void swiglu_tangent_kernel(Tensor gate, Tensor up, Tensor gate_tangent, Tensor up_tangent,
                                      Tensor out_tangent) {
  for (int64_t i = first_index(); i < size_of(gate); i += index_stride()) {
    const float g = gate.data[i], s = sigmoid(g);
    out_tangent.data[i] = s * (up_tangent.data[i] * g + gate_tangent.data[i] * up.data[i] * (1 + g * (1 - s)));
  }
}

}  // namespace

void swiglu(Tensor gate, Tensor up, Tensor out, cudaStream_t stream) {
  launch("swiglu", swiglu_kernel, dim3(element_blocks(out.size())), element_threads, 0, stream, gate, up, out);
}

void swiglu_backward(Tensor gate, Tensor up, Tensor out_gradient, Tensor gate_gradient, Tensor up_gradient,
                     cudaStream_t stream) {
  launch("swiglu_backward", swiglu_backward_kernel, dim3(element_blocks(gate.size())), element_threads, 0, stream, gate,
         up, out_gradient, gate_gradient, up_gradient);
}

void swiglu_tangent(Tensor gate, Tensor up, Tensor gate_tangent, Tensor up_tangent, Tensor out_tangent,
                    cudaStream_t stream) {
  launch("swiglu_tangent", swiglu_tangent_kernel, dim3(element_blocks(gate.size())), element_threads, 0, stream, gate,
         up, gate_tangent, up_tangent, out_tangent);
}

}  // namespace stemma::cuda

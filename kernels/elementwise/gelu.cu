#include "kernels/cuda_kernels.cuh"

namespace stemma::cuda {
namespace {

struct Value {
  float y, slope;
};

__device__ Value value_of(Gelu kind, float x) {
  if (kind == Gelu::exact) {
    constexpr float density = 0.3989422804014327f;  // 1/sqrt(2 pi)
    const float below = normcdff(x);
    return {x * below, below + x * density * expf(-0.5f * x * x)};
  }
  constexpr float root = 0.7978845608028654f, cubic = 0.044715f;  // sqrt(2 / pi)
  const float t = tanhf(root * (x + cubic * x * x * x));
  return {0.5f * x * (1 + t), 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * root * (1 + 3 * cubic * x * x)};
}

__global__ void gelu_kernel(Gelu kind, Tensor x, Tensor up, Tensor out) {
  for (int64_t i = first_index(); i < size_of(out); i += index_stride())
    out.data[i] = value_of(kind, x.data[i]).y * (up.data ? up.data[i] : 1);
}

__global__ void gelu_backward_kernel(Gelu kind, Tensor x, Tensor up, Tensor out_gradient, Tensor x_gradient,
                                     Tensor up_gradient) {
  for (int64_t i = first_index(); i < size_of(x); i += index_stride()) {
    const Value v = value_of(kind, x.data[i]);
    const float above = out_gradient.data[i], factor = up.data ? up.data[i] : 1;
    x_gradient.data[i] = above * factor * v.slope;
    if (up.data) up_gradient.data[i] = above * v.y;
  }
}

__global__ void gelu_tangent_kernel(Gelu kind, Tensor x, Tensor up, Tensor x_tangent, Tensor up_tangent,
                                    Tensor out_tangent) {
  for (int64_t i = first_index(); i < size_of(x); i += index_stride()) {
    const Value v = value_of(kind, x.data[i]);
    const float slope = x_tangent.data[i] * v.slope;
    out_tangent.data[i] = up.data ? slope * up.data[i] + up_tangent.data[i] * v.y : slope;
  }
}

}  // namespace

void gelu(Gelu kind, Tensor x, Tensor up, Tensor out, cudaStream_t stream) {
  launch("gelu", gelu_kernel, dim3(element_blocks(out.size())), element_threads, 0, stream, kind, x, up, out);
}

void gelu_backward(Gelu kind, Tensor x, Tensor up, Tensor out_gradient, Tensor x_gradient, Tensor up_gradient,
                   cudaStream_t stream) {
  launch("gelu_backward", gelu_backward_kernel, dim3(element_blocks(x.size())), element_threads, 0, stream, kind, x, up,
         out_gradient, x_gradient, up_gradient);
}

void gelu_tangent(Gelu kind, Tensor x, Tensor up, Tensor x_tangent, Tensor up_tangent, Tensor out_tangent,
                  cudaStream_t stream) {
  launch("gelu_tangent", gelu_tangent_kernel, dim3(element_blocks(x.size())), element_threads, 0, stream, kind, x, up,
         x_tangent, up_tangent, out_tangent);
}

}  // namespace stemma::cuda

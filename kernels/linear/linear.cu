#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "kernels/cuda_kernels.cuh"
#include "kernels/linear/multiplier.cuh"

namespace stemma::cuda {
namespace {

template <class Number>
__global__ void round_kernel(Tensor x, Number* y) {
  for (int64_t i = first_index(); i < size_of(x); i += index_stride()) y[i] = static_cast<Number>(x.data[i]);
}

template <class Number>
void queue_round(Tensor x, void* y, cudaStream_t stream) {
  launch("round", round_kernel<Number>, dim3(element_blocks(x.size())), element_threads, 0, stream, x,
         static_cast<Number*>(y));
}

cudaDataType type_of(const WeightMatrix& w) {
  return w.type == WeightType::f32 ? CUDA_R_32F : w.type == WeightType::bf16 ? CUDA_R_16BF : CUDA_R_16F;
}

Factor factor_of(const WeightMatrix& w, bool transposed) { return {w.data, type_of(w), w.rows, w.columns, transposed}; }

// x as it is multiplied with w, rounded to the weights' type into `room`.
Factor as_multiplied(Tensor x, const WeightMatrix& w, void* room, cudaStream_t stream) {
  if (w.type == WeightType::f32) return {x, false};
  if (w.type == WeightType::bf16)
    queue_round<__nv_bfloat16>(x, room, stream);
  else
    queue_round<__half>(x, room, stream);
  return {room, type_of(w), x.rows, x.columns, false};
}

}  // namespace

void linear(Tensor x, std::span<const Ops::Product> products, void* room, Multiplier& multiplier) {
  for (size_t i = 0; i < products.size();) {
    const WeightMatrix& first = products[i].w;
    const Factor own = as_multiplied(x, first, room, multiplier.stream());  // once for neighbours of one type
    for (; i < products.size() && products[i].w.type == first.type; ++i)
      multiplier.multiply(own, factor_of(products[i].w, true), products[i].y, 1, 0);
  }
}

void linear_backward(Tensor y_gradient, const WeightMatrix& w, Tensor x_gradient, bool add, void* room,
                     Multiplier& multiplier) {
  multiplier.multiply(as_multiplied(y_gradient, w, room, multiplier.stream()), factor_of(w, false), x_gradient, 1,
                      add ? 1 : 0);
}

void round(Tensor x, const WeightMatrix& y, cudaStream_t stream) {
  const auto queue = y.type == WeightType::f32    ? queue_round<float>
                     : y.type == WeightType::bf16 ? queue_round<__nv_bfloat16>
                                                  : queue_round<__half>;
  queue(x, y.data, stream);
}

}  // namespace stemma::cuda

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "kernels/cuda_kernels.cuh"

namespace stemma::cuda {
namespace {

template <class Number>
__global__ void round_kernel(Tensor x, Number* y) {
  for (int64_t i = first_index(); i < size_of(x); i += index_stride()) y[i] = static_cast<Number>(x.data[i]);
}

template <class Number>
void queue_round(Tensor x, Number* y, cudaStream_t stream) {
  launch("round", round_kernel<Number>, dim3(element_blocks(x.size())), element_threads, 0, stream, x, y);
}

// out = x w^T, or x w, x rounded to the weights' type; `kept` (0 or 1) of what out held stays. cuBLAS sees row-major
// matrices transposed: out^T = w x^T, or w^T x^T.
template <class Number>
void multiply(Tensor x, const WeightMatrix& w, bool transpose_w, Tensor out, float kept, void* rounded,
              cudaDataType type, cublasHandle_t blas, cudaStream_t stream) {
  const float one = 1;
  auto* own = static_cast<Number*>(rounded);
  queue_round(x, own, stream);
  check(cublasGemmEx_64(blas, transpose_w ? CUBLAS_OP_T : CUBLAS_OP_N, CUBLAS_OP_N, out.columns, x.rows, x.columns,
                        &one, w.data, type, w.columns, own, type, x.columns, &kept, out.data, CUDA_R_32F, out.columns,
                        CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
        "linear");
}

void multiply(Tensor x, const WeightMatrix& w, bool transpose_w, Tensor out, float kept, void* rounded,
              cublasHandle_t blas, cudaStream_t stream) {
  if (out.size() == 0) return;
  if (w.type == WeightType::bf16)
    multiply<__nv_bfloat16>(x, w, transpose_w, out, kept, rounded, CUDA_R_16BF, blas, stream);
  else
    multiply<__half>(x, w, transpose_w, out, kept, rounded, CUDA_R_16F, blas, stream);
}

}  // namespace

void linear(Tensor x, const WeightMatrix& w, Tensor y, void* rounded, cublasHandle_t blas, cudaStream_t stream) {
  multiply(x, w, true, y, 0, rounded, blas, stream);
}

void linear_backward(Tensor y_gradient, const WeightMatrix& w, Tensor x_gradient, bool add, void* rounded,
                     cublasHandle_t blas, cudaStream_t stream) {
  multiply(y_gradient, w, false, x_gradient, add ? 1 : 0, rounded, blas, stream);
}

void round(Tensor x, View<uint16_t> y, cudaStream_t stream) {
  queue_round(x, reinterpret_cast<__nv_bfloat16*>(y.data), stream);
}

}  // namespace stemma::cuda

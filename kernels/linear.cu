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
void multiply(Tensor x, const WeightMatrix& w, Tensor y, void* rounded, cudaDataType type, cublasHandle_t blas,
              cudaStream_t stream) {
  const float one = 1, none = 0;
  auto* own = static_cast<Number*>(rounded);
  launch("linear", round_kernel<Number>, dim3(element_blocks(x.size())), element_threads, 0, stream, x, own);
  check(cublasGemmEx_64(blas, CUBLAS_OP_T, CUBLAS_OP_N, w.rows, x.rows, w.columns, &one, w.data, type, w.columns, own,
                        type, x.columns, &none, y.data, CUDA_R_32F, w.rows, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
        "linear");
}

}  // namespace

// cuBLAS sees row-major matrices transposed: y^T = w x^T.
void linear(Tensor x, const WeightMatrix& w, Tensor y, void* rounded, cublasHandle_t blas, cudaStream_t stream) {
  if (y.size() == 0) return;
  if (w.type == WeightType::bf16)
    multiply<__nv_bfloat16>(x, w, y, rounded, CUDA_R_16BF, blas, stream);
  else
    multiply<__half>(x, w, y, rounded, CUDA_R_16F, blas, stream);
}

}  // namespace stemma::cuda

// cuBLAS's products by plain loops: column-major, c (m, n) = alpha op(a) op(b) + beta c. Arguments are refused where
// cuBLAS refuses them.
#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <vector>

struct CublasHandle {
  cudaStream_t stream = nullptr;
};

namespace {

struct Shape {
  cublasOperation_t turn_a, turn_b;
  int64_t m, n, k, lda, ldb, ldc;

  bool valid() const {
    const int64_t rows_a = turn_a == CUBLAS_OP_T ? k : m, rows_b = turn_b == CUBLAS_OP_T ? n : k;
    return m >= 0 && n >= 0 && k >= 0 && lda >= std::max<int64_t>(1, rows_a) && ldb >= std::max<int64_t>(1, rows_b) &&
           ldc >= std::max<int64_t>(1, m);
  }
};

template <class Number>
void multiply(const Shape& s, float alpha, const Number* a, const Number* b, float beta, float* c) {
  const auto element_of_b = [&](int64_t l, int64_t j) {
    return static_cast<float>(s.turn_b == CUBLAS_OP_T ? b[j + l * s.ldb] : b[l + j * s.ldb]);
  };
  std::vector<float> sums(static_cast<size_t>(s.m));
  for (int64_t j = 0; j < s.n; ++j) {
    std::fill(sums.begin(), sums.end(), 0.f);
    for (int64_t l = 0; l < s.k; ++l) {
      const float factor = element_of_b(l, j);
      const Number* from = s.turn_a == CUBLAS_OP_T ? a + l : a + l * s.lda;
      const int64_t step = s.turn_a == CUBLAS_OP_T ? s.lda : 1;
      for (int64_t i = 0; i < s.m; ++i) sums[static_cast<size_t>(i)] += factor * static_cast<float>(from[i * step]);
    }
    float* to = c + j * s.ldc;  // read only where beta asks for it, as the standard has it
    for (int64_t i = 0; i < s.m; ++i) to[i] = alpha * sums[static_cast<size_t>(i)] + (beta == 0 ? 0 : beta * to[i]);
  }
}

}  // namespace

const char* cublasGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_INVALID_VALUE ? "invalid value" : "not supported";
}
cublasStatus_t cublasCreate(cublasHandle_t* handle) { return *handle = new CublasHandle, CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasDestroy(cublasHandle_t handle) { return delete handle, CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  return handle->stream = stream, CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasGetStream(cublasHandle_t handle, cudaStream_t* stream) {
  return *stream = handle->stream, CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t) { return CUBLAS_STATUS_SUCCESS; }

cublasStatus_t cublasSgemm_64(cublasHandle_t handle, cublasOperation_t turn_a, cublasOperation_t turn_b, int64_t m,
                              int64_t n, int64_t k, const float* alpha, const float* a, int64_t lda, const float* b,
                              int64_t ldb, const float* beta, float* c, int64_t ldc) {
  return cublasSgemmStridedBatched_64(handle, turn_a, turn_b, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, 1);
}

cublasStatus_t cublasSgemmStridedBatched_64(cublasHandle_t handle, cublasOperation_t turn_a, cublasOperation_t turn_b,
                                            int64_t m, int64_t n, int64_t k, const float* alpha, const float* a,
                                            int64_t lda, long long stride_a, const float* b, int64_t ldb,
                                            long long stride_b, const float* beta, float* c, int64_t ldc,
                                            long long stride_c, int64_t count) {
  const Shape shape{turn_a, turn_b, m, n, k, lda, ldb, ldc};
  if (!shape.valid() || count < 0) return CUBLAS_STATUS_INVALID_VALUE;
  emulated::queue(handle->stream, [=, alpha = *alpha, beta = *beta] {
    for (int64_t i = 0; i < count; ++i)
      multiply(shape, alpha, a + i * stride_a, b + i * stride_b, beta, c + i * stride_c);
  });
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmEx_64(cublasHandle_t handle, cublasOperation_t turn_a, cublasOperation_t turn_b, int64_t m,
                               int64_t n, int64_t k, const void* alpha, const void* a, cudaDataType type_a,
                               int64_t lda, const void* b, cudaDataType type_b, int64_t ldb, const void* beta, void* c,
                               cudaDataType type_c, int64_t ldc, cublasComputeType_t, cublasGemmAlgo_t) {
  const Shape shape{turn_a, turn_b, m, n, k, lda, ldb, ldc};
  if (!shape.valid()) return CUBLAS_STATUS_INVALID_VALUE;
  if (type_a != type_b || type_a == CUDA_R_32F || type_c != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
  const float scale = *static_cast<const float*>(alpha), kept = *static_cast<const float*>(beta);
  emulated::queue(handle->stream, [=] {
    auto* sums = static_cast<float*>(c);
    if (type_a == CUDA_R_16BF)
      multiply(shape, scale, static_cast<const __nv_bfloat16*>(a), static_cast<const __nv_bfloat16*>(b), kept, sums);
    else
      multiply(shape, scale, static_cast<const __half*>(a), static_cast<const __half*>(b), kept, sums);
  });
  return CUBLAS_STATUS_SUCCESS;
}

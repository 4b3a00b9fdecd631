// cuBLAS's products by plain loops: column-major, c (m, n) = alpha op(a) op(b) + beta c.
#include "tests/kernels/emulated/include/cublas_v2.h"
#include "tests/kernels/emulated/include/cuda_bf16.h"
#include "tests/kernels/emulated/include/cuda_fp16.h"

struct CublasHandle {
  cudaStream_t stream = nullptr;
};

namespace {

struct Shape {
  cublasOperation_t turn_a, turn_b;
  int64_t m, n, k, lda, ldb, ldc;

  bool valid() const {
    return m >= 0 && n >= 0 && k >= 0 && lda >= std::max<int64_t>(1, turn_a ? k : m) &&
           ldb >= std::max<int64_t>(1, turn_b ? n : k) && ldc >= std::max<int64_t>(1, m);
  }
};

template <class Number>
void multiply(const Shape& s, float alpha, const Number* a, const Number* b, float beta, float* c) {
  const int64_t down = s.turn_a ? s.lda : 1, along = s.turn_a ? 1 : s.lda;
  std::vector<float> sums(static_cast<size_t>(s.m));
  for (int64_t j = 0; j < s.n; ++j, c += s.ldc) {
    std::fill(sums.begin(), sums.end(), 0.f);
    for (int64_t l = 0; l < s.k; ++l) {
      const auto factor = static_cast<float>(b[s.turn_b ? j + l * s.ldb : l + j * s.ldb]);
      for (int64_t i = 0; i < s.m; ++i) sums[i] += factor * static_cast<float>(a[i * down + l * along]);
    }
    for (int64_t i = 0; i < s.m; ++i) c[i] = alpha * sums[i] + (beta == 0 ? 0 : beta * c[i]);  // beta 0: c is not read
  }
}

}  // namespace

const char* cublasGetStatusString(cublasStatus_t) { return "invalid value"; }
cublasStatus_t cublasCreate(cublasHandle_t* handle) { return *handle = new CublasHandle, CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasDestroy(cublasHandle_t handle) { return delete handle, CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  return handle->stream = stream, CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetWorkspace(cublasHandle_t, void*, size_t) { return CUBLAS_STATUS_SUCCESS; }
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
                                            int64_t lda, int64_t stride_a, const float* b, int64_t ldb,
                                            int64_t stride_b, const float* beta, float* c, int64_t ldc,
                                            int64_t stride_c, int64_t count) {
  const Shape shape{turn_a, turn_b, m, n, k, lda, ldb, ldc};
  if (!shape.valid() || count < 0) return CUBLAS_STATUS_INVALID_VALUE;
  emulated::queue(handle->stream, [=, alpha = *alpha, beta = *beta] {
    for (int64_t i = 0; i < count; ++i)
      multiply(shape, alpha, a + i * stride_a, b + i * stride_b, beta, c + i * stride_c);
  });
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmEx_64(cublasHandle_t handle, cublasOperation_t turn_a, cublasOperation_t turn_b, int64_t m,
                               int64_t n, int64_t k, const void* alpha, const void* a, cudaDataType type_a, int64_t lda,
                               const void* b, cudaDataType type_b, int64_t ldb, const void* beta, void* c,
                               cudaDataType type_c, int64_t ldc, cublasComputeType_t, cublasGemmAlgo_t) {
  const Shape shape{turn_a, turn_b, m, n, k, lda, ldb, ldc};
  if (!shape.valid() || type_a != type_b || type_c != CUDA_R_32F) return CUBLAS_STATUS_INVALID_VALUE;
  const auto product = [=, alpha = *static_cast<const float*>(alpha),
                        beta = *static_cast<const float*>(beta)](auto type) {
    using Number = decltype(type);
    multiply(shape, alpha, static_cast<const Number*>(a), static_cast<const Number*>(b), beta, static_cast<float*>(c));
  };
  emulated::queue(handle->stream, [=] { type_a == CUDA_R_16BF ? product(__nv_bfloat16()) : product(__half()); });
  return CUBLAS_STATUS_SUCCESS;
}

// cuBLASLt's products by plain loops: column-major, d (m, n) = alpha op(a) op(b) + beta c. An algorithm serves the
// product that it was found for alone, on addresses as it was told that they lie.
#include "tests/kernels/emulated/include/cublasLt.h"
#include "tests/kernels/emulated/include/cuda_bf16.h"
#include "tests/kernels/emulated/include/cuda_fp16.h"

struct CublasLtHandle {};

namespace {

using Layout = cublasLtMatrixLayoutOpaque_t;

template <class Value>
cublasStatus_t set(Value& to, const void* value, size_t bytes) {
  if (bytes != sizeof to) return CUBLAS_STATUS_INVALID_VALUE;
  return std::memcpy(&to, value, bytes), CUBLAS_STATUS_SUCCESS;
}

struct Product {
  cublasLtMatmulDescOpaque_t operation;
  Layout a, b, c;

  uint64_t inner() const { return operation.turn_a ? a.rows : a.columns; }
  bool valid() const {
    const auto lies = [&](const Layout& x) {
      return x.rows > 0 && x.columns > 0 && x.leading >= static_cast<int64_t>(x.rows) && x.count > 0 &&
             x.count == c.count;
    };
    const auto sums = a.type == CUDA_R_32F ? CUBLAS_COMPUTE_32F_PEDANTIC : CUBLAS_COMPUTE_32F;
    return lies(a) && lies(b) && lies(c) && a.type == b.type && c.type == CUDA_R_32F && operation.sums == sums &&
           c.rows == (operation.turn_a ? a.columns : a.rows) && c.columns == (operation.turn_b ? b.rows : b.columns) &&
           inner() == (operation.turn_b ? b.columns : b.rows);
  }

  template <class Number>
  void multiply(float alpha, const Number* x, const Number* y, float beta, float* z) const {
    const int64_t down = operation.turn_a ? a.leading : 1, along = operation.turn_a ? 1 : a.leading;
    const auto m = static_cast<int64_t>(c.rows), n = static_cast<int64_t>(c.columns);
    std::vector<float> sums(c.rows);
    for (int64_t j = 0; j < n; ++j, z += c.leading) {
      std::fill(sums.begin(), sums.end(), 0.f);
      for (int64_t l = 0; l < static_cast<int64_t>(inner()); ++l) {
        const auto factor = static_cast<float>(y[operation.turn_b ? j + l * b.leading : l + j * b.leading]);
        for (int64_t i = 0; i < m; ++i) sums[i] += factor * static_cast<float>(x[i * down + l * along]);
      }
      for (int64_t i = 0; i < m; ++i) z[i] = alpha * sums[i] + (beta == 0 ? 0 : beta * z[i]);  // beta 0: z is not read
    }
  }
};

}  // namespace

const char* cublasLtGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_NOT_SUPPORTED ? "not supported" : "invalid value";
}
cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) { return *handle = new CublasLtHandle, CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) { return delete handle, CUBLAS_STATUS_SUCCESS; }

cublasStatus_t cublasLtMatrixLayoutInit(cublasLtMatrixLayout_t layout, cudaDataType type, uint64_t rows,
                                        uint64_t columns, int64_t leading) {
  return *layout = {type, rows, columns, leading, 0, 1}, CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t which,
                                                const void* value, size_t bytes) {
  return which == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT ? set(layout->count, value, bytes)
                                                     : set(layout->distance, value, bytes);
}
cublasStatus_t cublasLtMatmulDescInit(cublasLtMatmulDesc_t operation, cublasComputeType_t sums, cudaDataType scales) {
  if (scales != CUDA_R_32F) return CUBLAS_STATUS_INVALID_VALUE;
  return *operation = {sums, CUBLAS_OP_N, CUBLAS_OP_N}, CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t which,
                                              const void* value, size_t bytes) {
  return set(which == CUBLASLT_MATMUL_DESC_TRANSA ? operation->turn_a : operation->turn_b, value, bytes);
}
cublasStatus_t cublasLtMatmulPreferenceInit(cublasLtMatmulPreference_t preference) {
  return *preference = {0, 7, {256, 256, 256, 256}}, CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t which, const void* value,
                                                    size_t bytes) {
  if (which == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) return set(preference->workspace, value, bytes);
  if (which == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK) return set(preference->reductions, value, bytes);
  return set(preference->alignments[which - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES], value, bytes);
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int most,
                                              cublasLtMatmulHeuristicResult_t* results, int* found) {
  *found = 0;
  if (most < 1 || *c != *d || !Product{*operation, *a, *b, *c}.valid()) return CUBLAS_STATUS_INVALID_VALUE;
  results[(*found)++] = {{*operation, *a, *b, *c, *preference}, CUBLAS_STATUS_SUCCESS};
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t operation, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t of_a, const void* b, cublasLtMatrixLayout_t of_b, const void* beta,
                              const void* c, cublasLtMatrixLayout_t of_c, void* d, cublasLtMatrixLayout_t of_d,
                              const cublasLtMatmulAlgo_t* algorithm, void* workspace, size_t workspace_bytes,
                              cudaStream_t stream) {
  const auto lie = [&](const void* x, int which) {
    return reinterpret_cast<uintptr_t>(x) % algorithm->within.alignments[which] == 0;
  };
  if (*operation != algorithm->operation || *of_a != algorithm->a || *of_b != algorithm->b || *of_c != algorithm->c ||
      *of_d != algorithm->c || c != d || !lie(a, 0) || !lie(b, 1) || !lie(c, 2) || !lie(d, 3) || !workspace ||
      workspace_bytes < algorithm->within.workspace)
    return CUBLAS_STATUS_INVALID_VALUE;
  const Product product{*operation, *of_a, *of_b, *of_c};
  const auto multiply = [=, alpha = *static_cast<const float*>(alpha),
                         beta = *static_cast<const float*>(beta)](auto type) {
    using Number = decltype(type);
    for (int64_t i = 0; i < product.c.count; ++i)
      product.multiply(alpha, static_cast<const Number*>(a) + i * product.a.distance,
                       static_cast<const Number*>(b) + i * product.b.distance, beta,
                       static_cast<float*>(d) + i * product.c.distance);
  };
  emulated::queue(stream, [=] {
    if (product.a.type == CUDA_R_32F)
      multiply(float());
    else if (product.a.type == CUDA_R_16BF)
      multiply(__nv_bfloat16());
    else
      multiply(__half());
  });
  return CUBLAS_STATUS_SUCCESS;
}

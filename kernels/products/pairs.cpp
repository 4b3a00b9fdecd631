#include "kernels/products/pairs.h"

#include "kernels/cpu_kernels.h"
#include "kernels/half.h"

namespace stemma::cpu {
namespace {

STEMMA_CLONES void pair_span(const float* x, const float* next, uint32_t* to, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i)
    to[i] = static_cast<uint32_t>(bf16_of(x[i])) | static_cast<uint32_t>(bf16_of(next[i])) << 16;
}

STEMMA_CLONES void last_span(const float* x, uint32_t* to, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) to[i] = bf16_of(x[i]);
}

}  // namespace

void pair_rows(const float* x, int64_t x_stride, int64_t rows, int64_t columns, float* to) {
  for (int64_t i = 0; i < rows; i += 2, x += 2 * x_stride, to += columns)
    if (i + 1 < rows)
      pair_span(x, x + x_stride, reinterpret_cast<uint32_t*>(to), columns);
    else
      last_span(x, reinterpret_cast<uint32_t*>(to), columns);
}

}  // namespace stemma::cpu

#include "runtime/influence/index/correction.h"

#include <cstddef>

extern "C" {
void ssyrk_(const char* triangle, const char* transposed, const int* n, const int* k, const float* alpha,
            const float* a, const int* lda, const float* beta, float* c, const int* ldc);
void sgemv_(const char* transposed, const int* m, const int* n, const float* alpha, const float* a, const int* lda,
            const float* x, const int* incx, const float* beta, float* y, const int* incy);
void dposv_(const char* triangle, const int* n, const int* columns, double* a, const int* lda, double* b,
            const int* ldb, int* info);
}

namespace stemma {
namespace {

constexpr double noise = 0.2;

}  // namespace

std::vector<float> correction(const std::vector<float>& rows, const std::vector<float>& errors) {
  const int count = static_cast<int>(errors.size()), one = 1;
  if (count == 0) return {};
  const int numbers = static_cast<int>(rows.size() / errors.size());
  const float single = 1, nothing = 0;
  std::vector<float> products(static_cast<std::size_t>(count) * count), direction(static_cast<std::size_t>(numbers));
  ssyrk_("L", "T", &count, &numbers, &single, rows.data(), &numbers, &nothing, products.data(), &count);
  std::vector<double> kernel(products.begin(), products.end()), weights(errors.begin(), errors.end());
  double trace = 0;
  for (int i = 0; i < count; ++i) trace += kernel[static_cast<std::size_t>(i) * count + i];
  for (int i = 0; i < count; ++i) kernel[static_cast<std::size_t>(i) * count + i] += noise * trace / count;
  int info = 0;
  dposv_("L", &count, &one, kernel.data(), &count, weights.data(), &count, &info);
  if (info != 0) return direction;  // no document has numbers
  const std::vector<float> narrow(weights.begin(), weights.end());
  sgemv_("N", &numbers, &count, &single, rows.data(), &numbers, narrow.data(), &one, &nothing, direction.data(), &one);
  return direction;
}

}  // namespace stemma

#include "runtime/influence/index/correction.h"

#include <algorithm>

extern "C" {
void sgemm_(const char* transposed_a, const char* transposed_b, const int* m, const int* n, const int* k,
            const float* alpha, const float* a, const int* lda, const float* b, const int* ldb, const float* beta,
            float* c, const int* ldc);
void sgemv_(const char* transposed, const int* m, const int* n, const float* alpha, const float* a, const int* lda,
            const float* x, const int* incx, const float* beta, float* y, const int* incy);
void dposv_(const char* triangle, const int* n, const int* columns, double* a, const int* lda, double* b,
            const int* ldb, int* info);
}

namespace stemma {
namespace {

constexpr double noise = 0.2;

}  // namespace

void ErrorRegression::add(const std::vector<float>& rows, const std::vector<float>& errors) {
  if (errors.empty()) return;
  const int numbers = static_cast<int>(rows.size() / errors.size()), before = static_cast<int>(count()),
            more = static_cast<int>(errors.size()), all = before + more;
  rows_.insert(rows_.end(), rows.begin(), rows.end());
  errors_.insert(errors_.end(), errors.begin(), errors.end());
  const float one = 1, zero = 0;
  std::vector<float> products(static_cast<size_t>(more) * all);  // (more, all); LAPACK's columns
  sgemm_("T", "N", &all, &more, &numbers, &one, rows_.data(), &numbers, rows.data(), &numbers, &zero, products.data(),
         &all);
  for (int i = 0; i < more; ++i) {
    const auto row = products.begin() + static_cast<ptrdiff_t>(i) * all;
    products_.emplace_back(row, row + before + i + 1);
  }
}

std::vector<float> ErrorRegression::direction() const {
  if (errors_.empty()) return {};
  const int n = static_cast<int>(count()), numbers = static_cast<int>(rows_.size() / errors_.size()), one = 1;
  std::vector<double> kernel(static_cast<size_t>(n) * n), weights(errors_.begin(), errors_.end());
  double trace = 0;
  for (int i = 0; i < n; ++i) {
    std::copy(products_[i].begin(), products_[i].end(), kernel.begin() + static_cast<ptrdiff_t>(i) * n);
    trace += products_[i][i];
  }
  for (int i = 0; i < n; ++i) kernel[static_cast<size_t>(i) * n + i] += noise * trace / n;
  int info = 0;
  dposv_("U", &n, &one, kernel.data(), &n, weights.data(), &n, &info);
  std::vector<float> direction(static_cast<size_t>(numbers));
  if (info != 0) return direction;  // no document has numbers
  const std::vector<float> narrow(weights.begin(), weights.end());
  const float single = 1, zero = 0;
  sgemv_("N", &numbers, &n, &single, rows_.data(), &numbers, narrow.data(), &one, &zero, direction.data(), &one);
  return direction;
}

void Corrections::apply(Candidates& candidates) {
  questions_.resize(static_cast<size_t>(candidates.queries()));
  for (int64_t q = 0; q < candidates.queries(); ++q) {
    if (!candidates.goes_on(q)) continue;
    auto& [regression, known] = questions_[static_cast<size_t>(q)];
    std::vector<int64_t> documents;
    std::vector<float> errors;
    for (const int64_t d : candidates.taken(q))
      if (known.insert(d).second) {
        documents.push_back(d);
        errors.push_back(candidates.score(q, d) - candidates.first_estimate(q, d));
      }
    regression.add(index_.rows(documents), errors);
    const std::vector<int64_t>& waiting = candidates.waiting(q);
    const std::vector<float> lacking = index_.along(*cpu_, waiting, regression.direction());
    for (size_t i = 0; i < waiting.size(); ++i)
      candidates.estimate_anew(q, waiting[i], candidates.first_estimate(q, waiting[i]) + lacking[i]);
  }
}

}  // namespace stemma

#include "kernels/influence/eigenvectors.h"

#include <omp.h>

#include <optional>
#include <vector>

extern "C" void dsyevd_(const char* job, const char* triangle, const int* n, double* a, const int* lda, double* values,
                        double* work, const int* work_size, int* integers, const int* integers_size, int* info);

// OpenBLAS's own: LAPACK has no word for it.
extern "C" void openblas_set_num_threads(int threads);

namespace stemma {
namespace {

// OpenBLAS's threads spin while they wait, on cores that ours want: whoever calls it works alone, but for wide matrices.
[[maybe_unused]] const bool alone = (openblas_set_num_threads(1), true);

class AllThreads {
 public:
  AllThreads() { openblas_set_num_threads(omp_get_max_threads()); }
  ~AllThreads() { openblas_set_num_threads(1); }
  AllThreads(const AllThreads&) = delete;
};

}  // namespace

bool eigenvectors(double* matrix, int64_t n) {
  std::optional<AllThreads> all;
  if (n >= eigenvectors_on_one_thread) all.emplace();
  const int size = static_cast<int>(n), ask = -1;
  std::vector<double> values(static_cast<size_t>(n));
  double best = 0;
  int best_integers = 0, info = 0;
  dsyevd_("V", "U", &size, matrix, &size, values.data(), &best, &ask, &best_integers, &ask, &info);
  const int work_size = static_cast<int>(best);
  std::vector<double> work(static_cast<size_t>(work_size));
  std::vector<int> integers(static_cast<size_t>(best_integers));
  dsyevd_("V", "U", &size, matrix, &size, values.data(), work.data(), &work_size, integers.data(), &best_integers,
          &info);
  return info == 0;  // LAPACK's columns are our rows
}

}  // namespace stemma

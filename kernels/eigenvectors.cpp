#include "kernels/eigenvectors.h"

#include <optional>
#include <vector>

extern "C" void dsyevd_(const char* job, const char* triangle, const int* n, double* a, const int* lda, double* values,
                        double* work, const int* work_size, int* integers, const int* integers_size, int* info);

// OpenBLAS's own: LAPACK has no word for it.
extern "C" void openblas_set_num_threads(int threads);
extern "C" int openblas_get_num_threads();

namespace stemma {
namespace {

constexpr int64_t narrow = 2048;  // matrices that one thread decomposes sooner than several, which wait for each other

class OneThread {
 public:
  OneThread() { openblas_set_num_threads(1); }
  ~OneThread() { openblas_set_num_threads(threads_); }
  OneThread(const OneThread&) = delete;

 private:
  int threads_ = openblas_get_num_threads();
};

}  // namespace

bool eigenvectors(double* matrix, int64_t n) {
  std::optional<OneThread> one;
  if (n < narrow) one.emplace();
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

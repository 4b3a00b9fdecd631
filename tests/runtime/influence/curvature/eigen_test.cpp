// Matrices decomposed side by side have the vectors that each has alone, to the bit.
#include "runtime/influence/curvature/eigen.h"

#include <omp.h>

#include <QtTest>

#include "kernels/influence/eigenvectors.h"
#include "kernels/side_by_side.h"
#include "runtime/random.h"

using namespace stemma;

namespace {

std::vector<double> symmetric(int64_t n, uint64_t seed) {
  Random random(seed);
  std::vector<double> matrix(static_cast<size_t>(n * n));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = i; j < n; ++j) matrix[i * n + j] = matrix[j * n + i] = random.normal();
  return matrix;
}

}  // namespace

class EigenTest : public QObject {
  Q_OBJECT

 private slots:
  void together_as_alone() {
    const int threads = omp_get_max_threads();
    omp_set_num_threads(2);
    const auto ops = make_cpu_ops();
    const int64_t sides[] = {160, 97, 160, 33, 300, 8};
    std::vector<std::vector<float>> together(std::size(sides));
    QCOMPARE(decomposed_together(*ops, 160), int64_t{2});
    side_by_side(2, std::ssize(sides), [&](int, int64_t i) {
      together[static_cast<size_t>(i)] = eigenvectors(*ops, symmetric(sides[i], static_cast<uint64_t>(i)), sides[i]);
    });
    for (size_t i = 0; i < std::size(sides); ++i)
      QCOMPARE(together[i], eigenvectors(*ops, symmetric(sides[i], i), sides[i]));
    omp_set_num_threads(threads);
  }

  void wide_ones_are_alone() { QCOMPARE(decomposed_together(*make_cpu_ops(), eigenvectors_on_one_thread), int64_t{1}); }
};

QTEST_APPLESS_MAIN(EigenTest)
#include "eigen_test.moc"

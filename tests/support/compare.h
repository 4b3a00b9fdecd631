// Matrices in f64 onto a device and back, and how far two of them are apart.
#pragma once

#include <QtTest>
#include <cmath>
#include <functional>
#include <vector>

#include "tests/kernels/reference.h"

namespace stemma::test {

using reference::Matrix;

Buffer on_device(const std::shared_ptr<Ops>& ops, const Matrix& matrix);

// What an operation that writes (=) must leave nothing of.
Buffer full_of_nan(const std::shared_ptr<Ops>& ops, int64_t rows, int64_t columns);
Matrix from_device(Ops& ops, Tensor tensor);
MatrixBuffer on_device(const std::shared_ptr<Ops>& ops, const Matrix& matrix, WeightType type);
Matrix from_device(Ops& ops, const WeightMatrix& kept);

// q as attention multiplies it with keys of a type.
Matrix as_met(const Ops& ops, Matrix q, WeightType keys);
IdBuffer ids_on_device(const std::shared_ptr<Ops>& ops, const std::vector<int32_t>& ids);

// The largest difference over the largest magnitude of what was expected; infinite for NaN and other sizes.
template <class Found, class Expected>
double difference(const Found& found, const Expected& expected) {
  if (found.size() != expected.size()) return INFINITY;
  double most = 1e-30, gap = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (!std::isfinite(static_cast<double>(found[i]))) return INFINITY;
    most = std::max(most, std::abs(static_cast<double>(expected[i])));
    gap = std::max(gap, std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i])));
  }
  return gap / most;
}
double difference(const Matrix& found, const Matrix& expected);

// df/dx element by element, by central differences.
Matrix central_differences(Matrix x, const std::function<double(const Matrix&)>& f, double step = 1e-5);
double dot(const Matrix& a, const Matrix& b);

}  // namespace stemma::test

#define VERIFY_CLOSE(found, expected, tolerance)                                                              \
  do {                                                                                                        \
    const double apart = stemma::test::difference(found, expected);                                           \
    QVERIFY2(apart <= (tolerance), qPrintable(QString("%1: %2 > %3").arg(#found).arg(apart).arg(tolerance))); \
  } while (false)

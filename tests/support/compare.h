// Matrices in f64 onto a device and back, and how far two of them are apart.
#pragma once

#include <QtTest>
#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "kernels/half.h"
#include "tests/kernels/reference.h"

namespace stemma::test {

using reference::Matrix;

inline Buffer on_device(const std::shared_ptr<Ops>& ops, const Matrix& matrix) {
  Buffer buffer(ops, matrix.rows, matrix.columns);
  const std::vector<float> values(matrix.data.begin(), matrix.data.end());
  buffer.upload(values.data());
  return buffer;
}

// What an operation that writes (=) must leave nothing of.
inline Buffer full_of_nan(const std::shared_ptr<Ops>& ops, int64_t rows, int64_t columns) {
  return on_device(ops, Matrix(rows, columns, std::numeric_limits<double>::quiet_NaN()));
}

inline Matrix from_device(Ops& ops, Tensor tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.size()));
  ops.download(values.data(), tensor.data, values.size() * sizeof(float));
  Matrix matrix(tensor.rows, tensor.columns);
  matrix.data.assign(values.begin(), values.end());
  return matrix;
}

inline MatrixBuffer on_device(const std::shared_ptr<Ops>& ops, const Matrix& matrix, WeightType type) {
  MatrixBuffer rounded(ops, type, matrix.rows, matrix.columns);
  ops->round(on_device(ops, matrix), rounded);
  return rounded;
}

inline Matrix from_device(Ops& ops, const WeightMatrix& kept) {
  if (kept.type == WeightType::f32) return from_device(ops, numbers_of(kept));
  std::vector<uint16_t> bits(static_cast<size_t>(kept.rows * kept.columns));
  ops.download(bits.data(), kept.data, bits.size() * sizeof(uint16_t));
  Matrix matrix(kept.rows, kept.columns);
  std::transform(bits.begin(), bits.end(), matrix.data.begin(), [&](uint16_t number) {
    return kept.type == WeightType::f16 ? float_of(number) : std::bit_cast<float>(uint32_t{number} << 16);
  });
  return matrix;
}

// q as attention multiplies it with keys of a type.
inline Matrix as_met(const Ops& ops, Matrix q, WeightType keys) {
  if (keys == WeightType::bf16 && ops.multiplies_bf16())
    for (double& number : q.data) number = std::bit_cast<float>(uint32_t{bf16_of(static_cast<float>(number))} << 16);
  return q;
}

inline IdBuffer ids_on_device(const std::shared_ptr<Ops>& ops, const std::vector<int32_t>& ids) {
  IdBuffer buffer(ops, static_cast<int64_t>(ids.size()), 1);
  buffer.upload(ids.data());
  return buffer;
}

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
inline double difference(const Matrix& found, const Matrix& expected) { return difference(found.data, expected.data); }

// df/dx element by element, by central differences.
inline Matrix central_differences(Matrix x, const std::function<double(const Matrix&)>& f, double step = 1e-5) {
  Matrix gradient(x.rows, x.columns);
  for (size_t i = 0; i < x.data.size(); ++i) {
    const double value = x.data[i];
    x.data[i] = value + step;
    const double above = f(x);
    x.data[i] = value - step;
    gradient.data[i] = (above - f(x)) / (2 * step);
    x.data[i] = value;
  }
  return gradient;
}

inline double dot(const Matrix& a, const Matrix& b) {
  double total = 0;
  for (size_t i = 0; i < a.data.size(); ++i) total += a.data[i] * b.data[i];
  return total;
}

}  // namespace stemma::test

#define VERIFY_CLOSE(found, expected, tolerance)                                                              \
  do {                                                                                                        \
    const double apart = stemma::test::difference(found, expected);                                           \
    QVERIFY2(apart <= (tolerance), qPrintable(QString("%1: %2 > %3").arg(#found).arg(apart).arg(tolerance))); \
  } while (false)

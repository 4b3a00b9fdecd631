#include "tests/support/compare.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "kernels/half.h"

namespace stemma::test {

Buffer on_device(const std::shared_ptr<Ops>& ops, const Matrix& matrix) {
  Buffer buffer(ops, matrix.rows, matrix.columns);
  const std::vector<float> values(matrix.data.begin(), matrix.data.end());
  buffer.upload(values.data());
  return buffer;
}

Buffer full_of_nan(const std::shared_ptr<Ops>& ops, int64_t rows, int64_t columns) {
  return on_device(ops, Matrix(rows, columns, std::numeric_limits<double>::quiet_NaN()));
}

Matrix from_device(Ops& ops, Tensor tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.size()));
  ops.download(values.data(), tensor.data, values.size() * sizeof(float));
  Matrix matrix(tensor.rows, tensor.columns);
  matrix.data.assign(values.begin(), values.end());
  return matrix;
}

MatrixBuffer on_device(const std::shared_ptr<Ops>& ops, const Matrix& matrix, WeightType type) {
  MatrixBuffer rounded(ops, type, matrix.rows, matrix.columns);
  ops->round(on_device(ops, matrix), rounded);
  return rounded;
}

Matrix from_device(Ops& ops, const WeightMatrix& kept) {
  if (kept.type == WeightType::f32) return from_device(ops, numbers_of(kept));
  std::vector<uint16_t> bits(static_cast<size_t>(kept.rows * kept.columns));
  ops.download(bits.data(), kept.data, bits.size() * sizeof(uint16_t));
  Matrix matrix(kept.rows, kept.columns);
  std::transform(bits.begin(), bits.end(), matrix.data.begin(), [&](uint16_t number) {
    return kept.type == WeightType::f16 ? float_of(number) : std::bit_cast<float>(uint32_t{number} << 16);
  });
  return matrix;
}

Matrix as_met(const Ops& ops, Matrix q, WeightType keys) {
  if (keys == WeightType::bf16 && ops.multiplies_bf16())
    for (double& number : q.data) number = std::bit_cast<float>(uint32_t{bf16_of(static_cast<float>(number))} << 16);
  return q;
}

IdBuffer ids_on_device(const std::shared_ptr<Ops>& ops, const std::vector<int32_t>& ids) {
  IdBuffer buffer(ops, static_cast<int64_t>(ids.size()), 1);
  buffer.upload(ids.data());
  return buffer;
}

double difference(const Matrix& found, const Matrix& expected) { return difference(found.data, expected.data); }

Matrix central_differences(Matrix x, const std::function<double(const Matrix&)>& f, double step) {
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

double dot(const Matrix& a, const Matrix& b) {
  double total = 0;
  for (size_t i = 0; i < a.data.size(); ++i) total += a.data[i] * b.data[i];
  return total;
}

}  // namespace stemma::test

#include "tests/kernels/reference.h"

#include <algorithm>
#include <cmath>

namespace stemma::reference {

Matrix random_matrix(int64_t rows, int64_t columns, Random& random, double spread) {
  Matrix m(rows, columns);
  for (double& value : m.data) value = static_cast<float>(spread * random.normal());
  return m;
}

Matrix transposed(const Matrix& a) {
  Matrix t(a.columns, a.rows);
  for (int64_t i = 0; i < a.rows; ++i)
    for (int64_t j = 0; j < a.columns; ++j) t(j, i) = a(i, j);
  return t;
}

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c(a.rows, b.columns);
  for (int64_t i = 0; i < a.rows; ++i)
    for (int64_t k = 0; k < a.columns; ++k)
      for (int64_t j = 0; j < b.columns; ++j) c(i, j) += a(i, k) * b(k, j);
  return c;
}

Matrix linear(const Matrix& x, const Matrix& weight) { return product(x, transposed(weight)); }

Matrix sum(Matrix a, const Matrix& b) {
  for (size_t i = 0; i < a.data.size(); ++i) a.data[i] += b.data[i];
  return a;
}

Matrix squares(Matrix x) {
  for (double& value : x.data) value *= value;
  return x;
}

Matrix magnitudes(Matrix x) {
  for (double& value : x.data) value = std::abs(value);
  return x;
}

Matrix embed(const std::vector<int32_t>& ids, const Matrix& table) {
  Matrix out(static_cast<int64_t>(ids.size()), table.columns);
  for (int64_t n = 0; n < out.rows; ++n)
    for (int64_t c = 0; c < out.columns; ++c) out(n, c) = table(ids[static_cast<size_t>(n)], c);
  return out;
}

double inverse_rms(const Matrix& x, int64_t row, double epsilon) {
  double squares = 0;
  for (int64_t c = 0; c < x.columns; ++c) squares += x(row, c) * x(row, c);
  return 1 / std::sqrt(squares / static_cast<double>(x.columns) + epsilon);
}

Matrix rms_norm(const Matrix& x, const Matrix& weight, double epsilon) {
  Matrix y(x.rows, x.columns);
  for (int64_t n = 0; n < x.rows; ++n)
    for (int64_t c = 0; c < x.columns; ++c) y(n, c) = x(n, c) * inverse_rms(x, n, epsilon) * weight(0, c);
  return y;
}

Matrix layer_norm(const Matrix& x, const Matrix& weight, const Matrix& bias, double epsilon) {
  Matrix y(x.rows, x.columns);
  for (int64_t n = 0; n < x.rows; ++n) {
    double mean = 0, squares = 0;
    for (int64_t c = 0; c < x.columns; ++c) mean += x(n, c) / static_cast<double>(x.columns);
    for (int64_t c = 0; c < x.columns; ++c) squares += (x(n, c) - mean) * (x(n, c) - mean);
    const double deviation = std::sqrt(squares / static_cast<double>(x.columns) + epsilon);
    for (int64_t c = 0; c < x.columns; ++c)
      y(n, c) = (x(n, c) - mean) / deviation * (weight.columns ? weight(0, c) : 1) + (bias.columns ? bias(0, c) : 0);
  }
  return y;
}

Matrix rope(const Matrix& x, const std::vector<int32_t>& positions, int head_width, double theta, Rotation rotation,
            int part) {
  Matrix y = x;
  if (!part) part = head_width;
  const int half = part / 2;
  for (int64_t n = 0; n < x.rows; ++n)
    for (int64_t h = 0; h < x.columns; h += head_width)
      for (int i = 0; i < half; ++i) {
        double angle = positions[static_cast<size_t>(n)] * std::pow(theta, -2.0 * i / part);
        if (rotation == Rotation::inverse) angle = -angle;
        y(n, h + i) = x(n, h + i) * std::cos(angle) - x(n, h + i + half) * std::sin(angle);
        y(n, h + i + half) = x(n, h + i + half) * std::cos(angle) + x(n, h + i) * std::sin(angle);
      }
  return y;
}

Matrix attention(const Matrix& q, const Matrix& k, const Matrix& v, std::span<const Segment> segments, Heads heads,
                 Matrix* log_sum) {
  Matrix z(q.rows, q.columns);
  if (log_sum) *log_sum = Matrix(q.rows, heads.query);
  const int d = heads.width, group = heads.query / heads.key_value;
  for (const Segment& s : segments)
    for (int h = 0; h < heads.query; ++h)
      for (int32_t i = s.query_begin; i < s.query_end; ++i) {
        const int32_t end = s.key_end - (s.query_end - 1 - i);  // the last query sees every key
        const int32_t begin = heads.window ? std::max(s.key_begin, end - heads.window) : s.key_begin;
        const int shared = h / group * d;
        std::vector<double> weights;
        double total = 0;
        for (int32_t j = begin; j < end; ++j) {
          double score = 0;
          for (int c = 0; c < d; ++c) score += q(i, h * d + c) * k(j, shared + c);
          score *= heads.scale != 0 ? heads.scale : 1 / std::sqrt(static_cast<double>(d));
          if (heads.cap > 0) score = heads.cap * std::tanh(score / heads.cap);
          weights.push_back(std::exp(score));
          total += weights.back();
        }
        for (int32_t j = begin; j < end; ++j)
          for (int c = 0; c < d; ++c)
            z(i, h * d + c) += weights[static_cast<size_t>(j - begin)] / total * v(j, shared + c);
        if (log_sum) (*log_sum)(i, h) = std::log(total);
      }
  return z;
}

Matrix swiglu(const Matrix& gate, const Matrix& up) {
  Matrix out(gate.rows, gate.columns);
  for (size_t i = 0; i < out.data.size(); ++i) out.data[i] = gate.data[i] / (1 + std::exp(-gate.data[i])) * up.data[i];
  return out;
}

Matrix gelu(Gelu kind, const Matrix& x, const Matrix& up) {
  Matrix out(x.rows, x.columns);
  for (size_t i = 0; i < out.data.size(); ++i) {
    const double v = x.data[i];
    const double below =
        kind == Gelu::exact ? 0.5 * std::erfc(-v / std::sqrt(2.0))
                            : 0.5 * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (v + 0.044715 * v * v * v)));
    out.data[i] = v * below * (up.columns ? up.data[i] : 1);
  }
  return out;
}

Matrix soft_cap(Matrix x, double cap) {
  for (double& value : x.data) value = cap * std::tanh(value / cap);
  return x;
}

std::vector<double> softmax(const Matrix& logits, int64_t row) {
  double most = logits(row, 0), total = 0;
  for (int64_t i = 0; i < logits.columns; ++i) most = std::max(most, logits(row, i));
  std::vector<double> p;
  for (int64_t i = 0; i < logits.columns; ++i) total += p.emplace_back(std::exp(logits(row, i) - most));
  for (double& value : p) value /= total;
  return p;
}

std::vector<double> cross_entropy(const Matrix& logits, const std::vector<int32_t>& targets) {
  std::vector<double> losses(targets.size(), 0.0);
  for (size_t n = 0; n < targets.size(); ++n)
    if (targets[n] >= 0)
      losses[n] = -std::log(softmax(logits, static_cast<int64_t>(n))[static_cast<size_t>(targets[n])]);
  return losses;
}

double largest_share(std::span<const float> found, const Matrix& expected, const Matrix& sizes) {
  double largest = found.size() == expected.data.size() ? 0 : INFINITY;
  for (size_t i = 0; i < std::min(found.size(), expected.data.size()); ++i) {
    const double share = std::abs(found[i] - expected.data[i]) / (sizes.data[i] + 1e-30);
    largest = std::isfinite(share) ? std::max(largest, share) : INFINITY;
  }
  return largest;
}

}  // namespace stemma::reference

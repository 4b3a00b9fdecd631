// The forward operations of kernels/ops.h again, naively and in f64: what the kernels are held against.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/ops.h"
#include "runtime/random.h"

namespace stemma::reference {

struct Matrix {
  int64_t rows = 0, columns = 0;
  std::vector<double> data;

  Matrix() = default;
  Matrix(int64_t rows, int64_t columns, double value = 0)
      : rows(rows), columns(columns), data(static_cast<size_t>(rows * columns), value) {}
  double& operator()(int64_t i, int64_t j) { return data[static_cast<size_t>(i * columns + j)]; }
  double operator()(int64_t i, int64_t j) const { return data[static_cast<size_t>(i * columns + j)]; }
};

// Normal numbers that are f32 too, so that both sides start from the same ones.
Matrix random_matrix(int64_t rows, int64_t columns, Random& random, double spread = 1);
Matrix transposed(const Matrix& a);
Matrix product(const Matrix& a, const Matrix& b);
Matrix linear(const Matrix& x, const Matrix& weight);
Matrix sum(Matrix a, const Matrix& b);
Matrix squares(Matrix x);
Matrix magnitudes(Matrix x);
Matrix embed(const std::vector<int32_t>& ids, const Matrix& table);
double inverse_rms(const Matrix& x, int64_t row, double epsilon);
Matrix rms_norm(const Matrix& x, const Matrix& weight, double epsilon);

// weight and bias (1,C), or of no columns.
Matrix layer_norm(const Matrix& x, const Matrix& weight, const Matrix& bias, double epsilon);

// Pairs (i, i + D/2) of every head turned by position * theta^(-2i/D); of `part` columns of it, if that is given.
Matrix rope(const Matrix& x, const std::vector<int32_t>& positions, int head_width, double theta,
            Rotation rotation = Rotation::forward, int part = 0);
Matrix attention(const Matrix& q, const Matrix& k, const Matrix& v, std::span<const Segment> segments, Heads heads,
                 Matrix* log_sum = nullptr);
Matrix swiglu(const Matrix& gate, const Matrix& up);

// gelu(x), times up where it has columns.
Matrix gelu(Gelu kind, const Matrix& x, const Matrix& up);
Matrix soft_cap(Matrix x, double cap);
std::vector<double> softmax(const Matrix& logits, int64_t row);

// -log p(target) of each row in nats; 0 where there is no target.
std::vector<double> cross_entropy(const Matrix& logits, const std::vector<int32_t>& targets);

// The largest of |found - expected| / sizes, number by number; infinite where one is no number.
double largest_share(std::span<const float> found, const Matrix& expected, const Matrix& sizes);

}  // namespace stemma::reference

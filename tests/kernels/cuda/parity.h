// Operations on CUDA against their CPU twins, on the same random numbers in odd shapes. A tolerance is the largest
// difference over the largest magnitude of the matrix. CUDA runs twice: the same call must give the same bits. (Once
// under a sanitizer, which has seen all of it then.)
//
// Where the device is emulated (tests/kernels/emulated), what this shows is that indices, barriers and shared memory
// are right; it shows nothing of a GPU.
#pragma once

#include <QtTest>
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>
#include <random>
#include <vector>

#include "kernels/ops.h"
#include "tests/support/compare.h"

namespace stemma::parity {

struct Matrix {
  int64_t rows, columns;
  std::vector<float> values;
};

extern std::mt19937 generator;
Matrix random_matrix(int64_t rows, int64_t columns, float scale = 1);
Matrix positive_matrix(int64_t rows, int64_t columns);
std::vector<int32_t> random_ids(int64_t count, int32_t below);

using Tensors = std::vector<Tensor>;
using Operation = std::function<void(Ops&, const Tensors&, Ids)>;

struct Result {
  std::vector<std::vector<float>> matrices;
  std::vector<int32_t> ids;
};

// Uploads all, runs, and downloads all again: what an operation must leave alone is compared too.
Result run(const std::shared_ptr<Ops>& ops, const std::vector<Matrix>& inputs, const std::vector<int32_t>& ids,
           const Operation& operation);

// Segments with the given numbers of (queries, keys), and rows between them that belong to none.
std::vector<Segment> layout(const std::vector<std::pair<int, int>>& lengths);

struct Parity {
  std::shared_ptr<Ops> cpu, cuda;

  // Skips what called it where no device is.
  void open();
  void compare(double tolerance, const std::vector<Matrix>& inputs, const std::vector<int32_t>& ids,
               const Operation& operation);
};

}  // namespace stemma::parity

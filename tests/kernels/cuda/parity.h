// Operations on CUDA against their CPU twins, on the same random numbers in odd shapes. A tolerance is the largest
// difference over the largest magnitude of the matrix. CUDA runs twice: the same call must give the same bits.
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

inline std::mt19937 generator(1);

inline Matrix random_matrix(int64_t rows, int64_t columns, float scale = 1) {
  std::normal_distribution<float> normal(0, scale);
  Matrix matrix{rows, columns, std::vector<float>(static_cast<size_t>(rows * columns))};
  for (float& value : matrix.values) value = normal(generator);
  return matrix;
}

inline Matrix positive_matrix(int64_t rows, int64_t columns) {
  Matrix matrix = random_matrix(rows, columns);
  for (float& value : matrix.values) value = std::abs(value);
  return matrix;
}

inline std::vector<int32_t> random_ids(int64_t count, int32_t below) {
  std::vector<int32_t> ids(static_cast<size_t>(count));
  for (int32_t& id : ids) id = static_cast<int32_t>(generator() % static_cast<uint32_t>(below));
  return ids;
}

using Tensors = std::vector<Tensor>;
using Operation = std::function<void(Ops&, const Tensors&, Ids)>;

struct Result {
  std::vector<std::vector<float>> matrices;
  std::vector<int32_t> ids;
};

// Uploads all, runs, and downloads all again: what an operation must leave alone is compared too.
inline Result run(const std::shared_ptr<Ops>& ops, const std::vector<Matrix>& inputs, const std::vector<int32_t>& ids,
                  const Operation& operation) {
  std::vector<Buffer> buffers;
  Tensors tensors;
  for (const Matrix& input : inputs) {
    buffers.emplace_back(ops, input.rows, input.columns);
    buffers.back().upload(input.values.data());
    tensors.push_back(buffers.back());
  }
  const IdBuffer id_buffer = test::ids_on_device(ops, ids);
  operation(*ops, tensors, id_buffer);
  Result result;
  for (size_t i = 0; i < inputs.size(); ++i) {
    result.matrices.emplace_back(inputs[i].values.size());
    buffers[i].download(result.matrices.back().data());
  }
  result.ids.resize(ids.size());
  id_buffer.download(result.ids.data());
  return result;
}

// Segments with the given numbers of (queries, keys), and rows between them that belong to none.
inline std::vector<Segment> layout(const std::vector<std::pair<int, int>>& lengths) {
  std::vector<Segment> segments;
  int query = 1, key = 2;
  for (const auto& [queries, keys] : lengths) {
    segments.push_back({query, query + queries, key, key + keys});
    query += queries + 1;
    key += keys + 2;
  }
  return segments;
}

struct Parity {
  std::shared_ptr<Ops> cpu, cuda;

  // Skips what called it where no device is.
  void open() {
    std::string why;
    cpu = make_cpu_ops();
    cuda = make_cuda_ops(0, why);
    if (!cuda) QSKIP(qPrintable(QString::fromStdString("skipped: no CUDA device: " + why)));
    qInfo("%s", cuda->device().c_str());
  }

  void compare(double tolerance, const std::vector<Matrix>& inputs, const std::vector<int32_t>& ids,
               const Operation& operation) {
    const Result expected = run(cpu, inputs, ids, operation), found = run(cuda, inputs, ids, operation),
                 again = run(cuda, inputs, ids, operation);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const double difference = test::difference(found.matrices[i], expected.matrices[i]);
      QVERIFY2(difference <= tolerance, qPrintable(QString("matrix %1 (%2 x %3): %4 > %5")
                                                       .arg(i)
                                                       .arg(inputs[i].rows)
                                                       .arg(inputs[i].columns)
                                                       .arg(difference)
                                                       .arg(tolerance)));
      QVERIFY2(found.matrices[i] == again.matrices[i],
               qPrintable(QString("matrix %1 differs between two runs").arg(i)));
    }
    QCOMPARE(found.ids, expected.ids);
  }
};

}  // namespace stemma::parity

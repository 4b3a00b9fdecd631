#include "tests/kernels/cuda/parity.h"

#include "tests/support/sanitized.h"

namespace stemma::parity {

std::mt19937 generator(1);

Matrix random_matrix(int64_t rows, int64_t columns, float scale) {
  std::normal_distribution<float> normal(0, scale);
  Matrix matrix{rows, columns, std::vector<float>(static_cast<size_t>(rows * columns))};
  for (float& value : matrix.values) value = normal(generator);
  return matrix;
}

Matrix positive_matrix(int64_t rows, int64_t columns) {
  Matrix matrix = random_matrix(rows, columns);
  for (float& value : matrix.values) value = std::abs(value);
  return matrix;
}

std::vector<int32_t> random_ids(int64_t count, int32_t below) {
  std::vector<int32_t> ids(static_cast<size_t>(count));
  for (int32_t& id : ids) id = static_cast<int32_t>(generator() % static_cast<uint32_t>(below));
  return ids;
}

Result run(const std::shared_ptr<Ops>& ops, const std::vector<Matrix>& inputs, const std::vector<int32_t>& ids,
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

std::vector<Segment> layout(const std::vector<std::pair<int, int>>& lengths) {
  std::vector<Segment> segments;
  int query = 1, key = 2;
  for (const auto& [queries, keys] : lengths) {
    segments.push_back({query, query + queries, key, key + keys});
    query += queries + 1;
    key += keys + 2;
  }
  return segments;
}

void Parity::open() {
  std::string why;
  cpu = make_cpu_ops();
  cuda = make_cuda_ops(0, why);
  if (!cuda) QSKIP(qPrintable(QString::fromStdString("skipped: no CUDA device: " + why)));
  qInfo("%s", cuda->device().c_str());
}

void Parity::compare(double tolerance, const std::vector<Matrix>& inputs, const std::vector<int32_t>& ids,
                     const Operation& operation) {
  const Result expected = run(cpu, inputs, ids, operation), found = run(cuda, inputs, ids, operation),
               again = test::sanitized ? found : run(cuda, inputs, ids, operation);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const double difference = test::difference(found.matrices[i], expected.matrices[i]);
    QVERIFY2(difference <= tolerance, qPrintable(QString("matrix %1 (%2 x %3): %4 > %5")
                                                     .arg(i)
                                                     .arg(inputs[i].rows)
                                                     .arg(inputs[i].columns)
                                                     .arg(difference)
                                                     .arg(tolerance)));
    QVERIFY2(found.matrices[i] == again.matrices[i], qPrintable(QString("matrix %1 differs between two runs").arg(i)));
  }
  QCOMPARE(found.ids, expected.ids);
}

}  // namespace stemma::parity

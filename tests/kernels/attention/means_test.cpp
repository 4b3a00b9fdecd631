// Attention from step to step against plain loops over the whole matrix in f64; pieces add up to the whole.
#include <QtTest>

#include "tests/support/compare.h"

using namespace stemma;
using namespace stemma::test;
namespace ref = stemma::reference;

namespace {

// Of token t: its weights on all tokens, those that it does not see 0.
std::vector<double> plain_weights(const Matrix& q, const Matrix& k, const Heads& heads, int h, int32_t t) {
  std::vector<double> weights(static_cast<size_t>(k.rows), 0);
  double total = 0;
  for (int32_t u = heads.window ? std::max(0, t + 1 - heads.window) : 0; u <= t; ++u) {
    double score = 0;
    for (int c = 0; c < heads.width; ++c)
      score += q(t, h * heads.width + c) * k(u, h / (heads.query / heads.key_value) * heads.width + c);
    score *= heads.scale != 0 ? heads.scale : 1 / std::sqrt(static_cast<double>(heads.width));
    if (heads.cap > 0) score = heads.cap * std::tanh(score / heads.cap);
    total += weights[static_cast<size_t>(u)] = std::exp(score);
  }
  for (double& weight : weights) weight /= total;
  return weights;
}

// (H*S, S) from every weight of every pair of tokens.
Matrix plain_means(const Matrix& q, const Matrix& k, const std::vector<int32_t>& bounds, const Heads& heads) {
  const auto steps = static_cast<int64_t>(bounds.size()) - 1;
  Matrix means(heads.query * steps, steps);
  for (int h = 0; h < heads.query; ++h)
    for (int64_t i = 0; i < steps; ++i)
      for (int32_t t = bounds[i]; t < bounds[i + 1]; ++t) {
        const auto weights = plain_weights(q, k, heads, h, t);
        for (int64_t j = 0; j < steps; ++j)
          for (int32_t u = bounds[j]; u < bounds[j + 1]; ++u)
            means(h * steps + i, j) += weights[static_cast<size_t>(u)] / (bounds[i + 1] - bounds[i]);
      }
  return means;
}

}  // namespace

Q_DECLARE_METATYPE(WeightType)

class AttentionMeansTest : public QObject {
  Q_OBJECT

 private slots:
  void equals_plain_loops_data() {
    QTest::addColumn<int>("heads");
    QTest::addColumn<int>("shared");
    QTest::addColumn<int>("width");
    QTest::addColumn<int>("window");
    QTest::addColumn<float>("scale");
    QTest::addColumn<float>("cap");
    QTest::addColumn<WeightType>("type");
    for (const WeightType type : {WeightType::f32, WeightType::bf16, WeightType::f16}) {
      const auto row = [&](const char* name) -> QTestData& {
        return QTest::addRow("%s in %s", name, format_of(type).name.data());
      };
      row("one head each") << 3 << 3 << 4 << 0 << 0.0f << 0.0f << type;
      row("grouped") << 6 << 2 << 16 << 0 << 0.0f << 0.0f << type;
      row("an odd width") << 2 << 2 << 11 << 0 << 0.0f << 0.0f << type;
      row("scale and cap") << 4 << 1 << 10 << 0 << 0.7f << 2.0f << type;
      row("window") << 2 << 2 << 8 << 9 << 0.0f << 0.0f << type;
      row("window of one") << 2 << 1 << 8 << 1 << 0.0f << 1.5f << type;
    }
  }
  void equals_plain_loops() {
    QFETCH(int, heads);
    QFETCH(int, shared);
    QFETCH(int, width);
    QFETCH(int, window);
    QFETCH(float, scale);
    QFETCH(float, cap);
    QFETCH(WeightType, type);
    const Heads shape{heads, shared, width, scale, cap, window};
    const std::vector<int32_t> bounds = {0, 5, 6, 40, 41, 97, 100};
    const auto steps = static_cast<int64_t>(bounds.size()) - 1, tokens = int64_t{bounds.back()};
    Random random(5);
    const auto ops = make_cpu_ops();
    const Matrix q = ref::random_matrix(tokens, heads * width, random, 1.5),
                 k = ref::random_matrix(tokens, shared * width, random, 1.5);
    const Buffer dq = on_device(ops, q);
    const MatrixBuffer dk = on_device(ops, k, type);
    const IdBuffer on = ids_on_device(ops, bounds);
    const Matrix met = as_met(*ops, q, type), kept = from_device(*ops, dk.view());
    const Matrix expected = plain_means(met, kept, bounds, shape);
    for (const std::vector<int32_t>& pieces : {std::vector<int32_t>{100}, {1, 63, 64, 70, 100}}) {
      Buffer means(ops, heads * steps, steps);
      means.zero();
      int32_t begin = 0;
      for (const int32_t end : pieces) {
        const Segment segment{0, end - begin, 0, end};
        const Tensor queries = dq.view().slice(begin, end);
        const WeightMatrix keys = dk.view().slice(0, end);
        const Buffer z(ops, end - begin, heads * width), log_sum(ops, end - begin, heads);
        ops->attention(queries, keys, keys, std::span(&segment, 1), shape, z, log_sum);
        ops->attention_means(queries, keys, log_sum, on, shape, means);
        begin = end;
      }
      const Matrix found = from_device(*ops, means);
      VERIFY_CLOSE(found, expected, 1e-5);
      for (int64_t row = 0; row < found.rows; ++row) {
        double sum = 0;
        for (int64_t j = 0; j < steps; ++j) {
          sum += found(row, j);
          if (j > row % steps) QCOMPARE(found(row, j), 0.0);
        }
        QVERIFY(std::abs(sum - 1) < 1e-5);
      }
    }
    for (const int32_t token : {0, 7, 8, 63, 99}) {
      const Buffer weights(ops, heads, token + 1);
      ops->attention_weights(dq.view().slice(token, token + 1), dk.view().slice(0, token + 1), shape, weights);
      const Matrix found = from_device(*ops, weights);
      Matrix rows(heads, token + 1);
      for (int h = 0; h < heads; ++h) {
        const auto row = plain_weights(met, kept, shape, h, token);
        for (int32_t u = 0; u <= token; ++u) rows(h, u) = row[static_cast<size_t>(u)];
      }
      VERIFY_CLOSE(found, rows, 1e-5);
    }
  }
};

QTEST_GUILESS_MAIN(AttentionMeansTest)
#include "means_test.moc"

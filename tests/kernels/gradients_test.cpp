// Every CPU operation against the same operation in f64, and every backward against central differences of it.
// A tolerance is the largest difference over the largest magnitude.
#include <QtTest>
#include <array>

#include "runtime/model/model.h"
#include "tests/kernels/attention_check.h"
#include "tests/support/compare.h"

using namespace stemma;
using namespace stemma::test;
namespace ref = stemma::reference;

namespace {

constexpr double forward_tolerance = 5e-6, gradient_tolerance = 2e-5;

std::vector<int32_t> random_ids(int64_t count, int32_t below, Random& random) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(below))));
  return ids;
}

}  // namespace

class GradientsTest : public QObject {
  Q_OBJECT

  const std::shared_ptr<Ops> ops = make_cpu_ops();
  Matrix host(Tensor tensor) const { return from_device(*ops, tensor); }

 private slots:
  void embed() {
    Random random(1);
    const Matrix table = ref::random_matrix(11, 37, random), upstream = ref::random_matrix(9, 37, random);
    const std::vector<int32_t> ids = {3, 10, 0, 3, 3, 7, 0, 10, 1};
    const IdBuffer device_ids = ids_on_device(ops, ids);
    const Buffer out = full_of_nan(ops, 9, 37), device_table = on_device(ops, table);
    ops->embed(device_ids, device_table, out);
    VERIFY_CLOSE(host(out), ref::embed(ids, table), 0.0);

    const Matrix before = ref::random_matrix(11, 37, random);  // parameter gradients are added
    const Buffer gradient = on_device(ops, before);
    ops->embed_backward(device_ids, on_device(ops, upstream), gradient);
    const Matrix expected =
        central_differences(table, [&](const Matrix& t) { return dot(ref::embed(ids, t), upstream); });
    VERIFY_CLOSE(host(gradient), ref::sum(before, expected), gradient_tolerance);
  }

  void rms_norm() {
    for (const int64_t width : {1, 5, 48, 131}) {
      Random random(static_cast<uint64_t>(width));
      const int64_t rows = 7;
      const double epsilon = 1e-5f;
      Matrix x = ref::random_matrix(rows, width, random), upstream = ref::random_matrix(rows, width, random);
      const Matrix weight = ref::random_matrix(1, width, random);
      for (int64_t c = 0; c < width; ++c) x(2, c) = 0;  // a row that epsilon alone keeps finite
      for (int64_t c = 0; c < width; ++c) upstream(2, c) *= 1e-3;
      const Buffer dx = on_device(ops, x), dw = on_device(ops, weight), y = full_of_nan(ops, rows, width),
                   inverse = full_of_nan(ops, rows, 1);
      ops->rms_norm(dx, dw, static_cast<float>(epsilon), y, inverse);
      VERIFY_CLOSE(host(y), ref::rms_norm(x, weight, epsilon), forward_tolerance);
      for (int64_t n = 0; n < rows; ++n)
        QVERIFY(std::abs(host(inverse)(n, 0) / ref::inverse_rms(x, n, epsilon) - 1) < forward_tolerance);

      const Matrix x_before = ref::random_matrix(rows, width, random),
                   weight_before = ref::random_matrix(1, width, random);
      const Buffer x_gradient = on_device(ops, x_before), weight_gradient = on_device(ops, weight_before);
      ops->rms_norm_backward(dx, dw, inverse, on_device(ops, upstream), x_gradient, weight_gradient);
      const auto of_x = [&](const Matrix& m) { return dot(ref::rms_norm(m, weight, epsilon), upstream); };
      const auto of_weight = [&](const Matrix& m) { return dot(ref::rms_norm(x, m, epsilon), upstream); };
      VERIFY_CLOSE(host(x_gradient), ref::sum(x_before, central_differences(x, of_x, 1e-6)), gradient_tolerance);
      VERIFY_CLOSE(host(weight_gradient), ref::sum(weight_before, central_differences(weight, of_weight)),
                   gradient_tolerance);

      // Without a place for the weight's gradient the other is the same.
      const Buffer alone = on_device(ops, x_before);
      ops->rms_norm_backward(dx, dw, inverse, on_device(ops, upstream), alone, {});
      VERIFY_CLOSE(host(alone), host(x_gradient), 0.0);
    }
  }

  void rope() {
    for (const int width : {2, 6, 64}) {
      Random random(static_cast<uint64_t>(width));
      const std::vector<int32_t> positions = {0, 1, 2, 0, 1, 99};
      ModelConfig config;
      config.context = 100, config.head_width = width, config.rope_theta = 10000;
      const Buffer table = rope_table(config, ops);
      const Matrix x = ref::random_matrix(6, 3 * width, random), upstream = ref::random_matrix(6, 3 * width, random);
      const IdBuffer ids = ids_on_device(ops, positions);
      const Buffer turned = on_device(ops, x), gradient = on_device(ops, upstream);
      ops->rope(turned, ids, table, width, Rotation::forward);
      VERIFY_CLOSE(host(turned), ref::rope(x, positions, width, 10000), forward_tolerance);
      ops->rope(gradient, ids, table, width, Rotation::inverse);
      const auto f = [&](const Matrix& m) { return dot(ref::rope(m, positions, width, 10000), upstream); };
      VERIFY_CLOSE(host(gradient), central_differences(x, f), gradient_tolerance);
      ops->rope(turned, ids, table, width, Rotation::inverse);
      VERIFY_CLOSE(host(turned), x, forward_tolerance);
    }
  }

  void attention_data() {
    QTest::addColumn<int>("heads");
    QTest::addColumn<int>("shared");
    QTest::addColumn<int>("width");
    QTest::addColumn<bool>("cached");
    QTest::newRow("one head") << 1 << 1 << 4 << false;
    QTest::newRow("groups of one") << 3 << 3 << 6 << false;
    QTest::newRow("groups of two") << 4 << 2 << 16 << false;
    QTest::newRow("groups of four") << 4 << 1 << 10 << false;
    QTest::newRow("wide heads") << 2 << 1 << 64 << false;
    QTest::newRow("fewer queries than keys") << 4 << 2 << 8 << true;
  }
  void attention() {
    QFETCH(int, heads);
    QFETCH(int, shared);
    QFETCH(int, width);
    QFETCH(bool, cached);
    Random random(static_cast<uint64_t>(heads * 100 + width));
    const Heads shape{heads, shared, width};
    const std::vector<Segment> packed = {{0, 5, 0, 5}, {5, 6, 5, 6}, {6, 9, 6, 9}}, continued = {{0, 3, 0, 9}};
    const auto& segments = cached ? continued : packed;
    check_attention(ops, shape, segments, cached ? 3 : 9, 9, random);
  }

  // Scores so far apart that exp would overflow: only their differences count.
  void attention_of_large_scores_is_finite() {
    Random random(9);
    const std::vector<Segment> segments = {{0, 6, 0, 6}};
    const Matrix q = ref::random_matrix(6, 4, random, 60), k = ref::random_matrix(6, 4, random, 60),
                 v = ref::random_matrix(6, 4, random);
    const Buffer dq = on_device(ops, q), dk = on_device(ops, k), dv = on_device(ops, v), z = full_of_nan(ops, 6, 4),
                 log_sum = full_of_nan(ops, 6, 1);
    ops->attention(dq, dk, dv, segments, {1, 1, 4}, z, log_sum);
    const Matrix out = host(z), sums = host(log_sum);
    for (const double value : out.data) QVERIFY(std::isfinite(value));
    for (const double value : sums.data) QVERIFY(std::isfinite(value));
    for (int64_t c = 0; c < 4; ++c) QCOMPARE(out(0, c), v(0, c));  // the first token sees itself alone
  }

  void swiglu() {
    Random random(4);
    Matrix gate = ref::random_matrix(5, 133, random, 3);
    const Matrix up = ref::random_matrix(5, 133, random), upstream = ref::random_matrix(5, 133, random);
    gate(0, 0) = 40, gate(0, 1) = -40, gate(0, 2) = -100, gate(0, 3) = 0;
    const Buffer dg = on_device(ops, gate), du = on_device(ops, up), out = full_of_nan(ops, 5, 133);
    ops->swiglu(dg, du, out);
    VERIFY_CLOSE(host(out), ref::swiglu(gate, up), forward_tolerance);
    const Buffer gg = full_of_nan(ops, 5, 133), gu = full_of_nan(ops, 5, 133);
    ops->swiglu_backward(dg, du, on_device(ops, upstream), gg, gu);
    VERIFY_CLOSE(host(gg),
                 central_differences(gate, [&](const Matrix& m) { return dot(ref::swiglu(m, up), upstream); }),
                 gradient_tolerance);
    VERIFY_CLOSE(host(gu),
                 central_differences(up, [&](const Matrix& m) { return dot(ref::swiglu(gate, m), upstream); }),
                 gradient_tolerance);
  }

  void matmul() {
    Random random(5);
    const std::vector<std::array<int64_t, 3>> shapes = {{1, 7, 33}, {13, 1, 5}, {17, 31, 9}, {64, 48, 65}};
    for (const auto& [m, n, k] : shapes) {
      const Matrix a = ref::random_matrix(m, k, random), b = ref::random_matrix(k, n, random),
                   c = ref::random_matrix(m, n, random);
      for (const bool ta : {false, true})
        for (const bool tb : {false, true}) {
          const Buffer da = on_device(ops, ta ? ref::transposed(a) : a),
                       db = on_device(ops, tb ? ref::transposed(b) : b), fresh = full_of_nan(ops, m, n),
                       kept = on_device(ops, c);
          ops->matmul(da, ta, db, tb, fresh);
          VERIFY_CLOSE(host(fresh), ref::product(a, b), forward_tolerance);
          ops->matmul(da, ta, db, tb, kept, 0.5f, -2.0f);
          Matrix expected = ref::product(a, b);
          for (size_t i = 0; i < expected.data.size(); ++i) expected.data[i] = 0.5 * expected.data[i] - 2 * c.data[i];
          VERIFY_CLOSE(host(kept), expected, forward_tolerance);
        }
    }
  }

  void cross_entropy() {
    Random random(6);
    const float weight = -0.75f;
    for (const int64_t vocabulary : {2, 37, 1000}) {
      Matrix logits = ref::random_matrix(6, vocabulary, random, 2);
      for (int64_t i = 0; i < vocabulary; ++i) logits(4, i) = static_cast<float>(logits(4, i) * 40 + 1000);
      std::vector<int32_t> targets = random_ids(6, static_cast<int32_t>(vocabulary), random);
      targets[1] = -1;
      const Buffer d = on_device(ops, logits), losses = full_of_nan(ops, 6, 1);
      ops->cross_entropy(d, ids_on_device(ops, targets), weight, losses);
      const std::vector<double> expected = ref::cross_entropy(logits, targets);
      VERIFY_CLOSE(host(losses).data, expected, forward_tolerance);
      const auto total = [&](const Matrix& m) {
        double sum = 0;
        for (const double loss : ref::cross_entropy(m, targets)) sum += weight * loss;
        return sum;
      };
      const Matrix gradient = host(d);
      VERIFY_CLOSE(gradient, central_differences(logits, total), gradient_tolerance);
      for (int64_t i = 0; i < vocabulary; ++i) QCOMPARE(gradient(1, i), 0.0);
    }
  }

  // Pearson's chi-square of 30,000 draws at a fixed seed: 22.46 is exceeded by chance once in a thousand (6 degrees).
  void sampled_targets_follow_the_softmax() {
    const int64_t rows = 30000, vocabulary = 7;
    Random random(7);
    Matrix logits(rows, vocabulary), uniforms(rows, 1);
    const Matrix row = ref::random_matrix(1, vocabulary, random, 1.5);
    for (int64_t n = 0; n < rows; ++n)
      for (int64_t i = 0; i < vocabulary; ++i) logits(n, i) = row(0, i);
    for (double& u : uniforms.data) u = random.uniform();
    std::vector<int32_t> targets(static_cast<size_t>(rows), 0);
    targets[11] = -1;
    const IdBuffer ids = ids_on_device(ops, targets);
    ops->sample_targets(on_device(ops, logits), on_device(ops, uniforms), ids);
    ids.download(targets.data());
    QCOMPARE(targets[11], -1);
    std::vector<double> counts(vocabulary, 0.0);
    for (const int32_t t : targets) {
      QVERIFY(t >= -1 && t < vocabulary);
      if (t >= 0) ++counts[static_cast<size_t>(t)];
    }
    const std::vector<double> p = ref::softmax(row, 0);
    double chi_square = 0;
    for (size_t i = 0; i < counts.size(); ++i)
      chi_square += std::pow(counts[i] - p[i] * (rows - 1), 2) / (p[i] * (rows - 1));
    QVERIFY2(chi_square < 22.46, qPrintable(QString::number(chi_square)));
  }

  void segment_outer() {
    Random random(8);
    const Matrix a = ref::random_matrix(12, 9, random), b = ref::random_matrix(12, 5, random);
    const std::vector<std::vector<Segment>> cuts = {
        {{0, 12, 0, 12}}, {{0, 4, 0, 4}, {4, 5, 4, 5}, {5, 12, 5, 12}}, {{5, 9, 5, 9}}};
    for (const std::vector<Segment>& segments : cuts) {
      Matrix expected(static_cast<int64_t>(segments.size()), 45);
      for (size_t s = 0; s < segments.size(); ++s)
        for (int32_t t = segments[s].query_begin; t < segments[s].query_end; ++t)
          for (int64_t m = 0; m < 9; ++m)
            for (int64_t p = 0; p < 5; ++p) expected(static_cast<int64_t>(s), m * 5 + p) += a(t, m) * b(t, p);
      const Buffer products = full_of_nan(ops, expected.rows, 45);
      ops->segment_outer(on_device(ops, a), on_device(ops, b), segments, products);
      VERIFY_CLOSE(host(products), expected, forward_tolerance);
    }
  }

  void sums_of_influence() {
    Random random(10);
    const int64_t columns = 4099;  // past one block
    const Matrix x = ref::random_matrix(3, columns, random);
    Matrix d(3, columns), quotient(3, columns);
    for (double& value : d.data) value = static_cast<float>(random.uniform());
    for (size_t i = 0; i < d.data.size(); ++i) quotient.data[i] = x.data[i] / (d.data[i] + static_cast<double>(0.05f));
    const Buffer y = on_device(ops, x);
    ops->divide_damped(y, on_device(ops, d), 0.05f, y);  // in place
    VERIFY_CLOSE(host(y), quotient, forward_tolerance);

    const Matrix b = ref::random_matrix(3, columns, random), dots_before = ref::random_matrix(3, 1, random);
    const Buffer dots = on_device(ops, dots_before);
    ops->row_dots(on_device(ops, x), on_device(ops, b), dots);
    Matrix sums = dots_before;
    for (int64_t r = 0; r < 3; ++r)
      for (int64_t c = 0; c < columns; ++c) sums(r, 0) += x(r, c) * b(r, c);
    VERIFY_CLOSE(host(dots), sums, 1e-5);
  }

  void add_and_sum_of_squares() {
    Random random(11);
    const Matrix x = ref::random_matrix(7, 5003, random), y = ref::random_matrix(7, 5003, random);
    const Buffer dx = on_device(ops, x), dy = on_device(ops, y);
    ops->add(dx, dy, -0.5f);
    Matrix expected = y;
    for (size_t i = 0; i < x.data.size(); ++i) expected.data[i] -= 0.5 * x.data[i];
    VERIFY_CLOSE(host(dy), expected, forward_tolerance);
    QVERIFY(std::abs(ops->sum_of_squares(dx) / dot(x, x) - 1) < forward_tolerance);
  }

  // Loshchilov & Hutter 2019, algorithm 2, with the decay scaled by the rate (as PyTorch does).
  void adamw() {
    Random random(12);
    const int64_t size = 20001;
    const Ops::AdamW s{1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, 0};
    Matrix p = ref::random_matrix(1, size, random), m(1, size), v(1, size);
    const Buffer dp = on_device(ops, p), dm = on_device(ops, m), dv = on_device(ops, v);
    for (int step = 1; step <= 6; ++step) {
      const Matrix g = ref::random_matrix(1, size, random, step == 4 ? 1e-4 : 1);
      Ops::AdamW now = s;
      now.step = step;
      ops->adamw(dp, on_device(ops, g), dm, dv, now);
      const double rate = s.rate, beta1 = s.beta1, beta2 = s.beta2, decay = s.decay;
      for (size_t i = 0; i < p.data.size(); ++i) {
        m.data[i] = beta1 * m.data[i] + (1 - beta1) * g.data[i];
        v.data[i] = beta2 * v.data[i] + (1 - beta2) * g.data[i] * g.data[i];
        const double first = m.data[i] / (1 - std::pow(beta1, step)), second = v.data[i] / (1 - std::pow(beta2, step));
        p.data[i] =
            p.data[i] * (1 - rate * decay) - rate * first / (std::sqrt(second) + static_cast<double>(s.epsilon));
      }
    }
    VERIFY_CLOSE(host(dp), p, 1e-6);
    VERIFY_CLOSE(host(dm), m, 1e-6);
    VERIFY_CLOSE(host(dv), v, 1e-6);
  }
};

QTEST_GUILESS_MAIN(GradientsTest)
#include "gradients_test.moc"

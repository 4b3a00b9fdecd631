// What families other than Llama need of the CPU operations, against f64 and central differences of it. A tolerance is
// the largest difference over the largest magnitude.
#include <QtTest>

#include "runtime/model/model.h"
#include "tests/kernels/attention_check.h"
#include "tests/support/compare.h"

using namespace stemma;
using namespace stemma::test;
namespace ref = stemma::reference;

namespace {

constexpr double forward_tolerance = 5e-6, gradient_tolerance = 2e-5;

}  // namespace

class FamilyOperationsTest : public QObject {
  Q_OBJECT

  const std::shared_ptr<Ops> ops = make_cpu_ops();
  Matrix host(Tensor tensor) const { return from_device(*ops, tensor); }

 private slots:
  void layer_norm_data() {
    QTest::addColumn<bool>("weighted");
    QTest::addColumn<bool>("biased");
    QTest::newRow("weight and bias") << true << true;
    QTest::newRow("weight") << true << false;
    QTest::newRow("neither") << false << false;
  }
  void layer_norm() {
    QFETCH(bool, weighted);
    QFETCH(bool, biased);
    for (const int64_t width : {2, 5, 48, 131}) {
      Random random(static_cast<uint64_t>(width));
      const int64_t rows = 7;
      const double epsilon = 1e-5f;
      Matrix x = ref::random_matrix(rows, width, random), upstream = ref::random_matrix(rows, width, random);
      for (int64_t c = 0; c < width; ++c) x(1, c) += 30;  // far from zero: the mean has to go first
      for (int64_t c = 0; c < width; ++c) x(2, c) = 0.5, upstream(2, c) *= 1e-3;  // a row that epsilon keeps finite
      const Matrix weight = weighted ? ref::random_matrix(1, width, random) : Matrix(),
                   bias = biased ? ref::random_matrix(1, width, random) : Matrix();
      const Buffer dx = on_device(ops, x), y = full_of_nan(ops, rows, width), statistics = full_of_nan(ops, rows, 2);
      const Buffer dw = weighted ? on_device(ops, weight) : Buffer(), db = biased ? on_device(ops, bias) : Buffer();
      ops->layer_norm(dx, dw, db, static_cast<float>(epsilon), y, statistics);
      VERIFY_CLOSE(host(y), ref::layer_norm(x, weight, bias, epsilon), forward_tolerance);

      const Matrix x_before = ref::random_matrix(rows, width, random), before = ref::random_matrix(1, width, random);
      const Buffer x_gradient = on_device(ops, x_before), weight_gradient = on_device(ops, before),
                   bias_gradient = on_device(ops, before);
      ops->layer_norm_backward(dx, dw, statistics, on_device(ops, upstream), x_gradient,
                               weighted ? weight_gradient.view() : Tensor{}, biased ? bias_gradient.view() : Tensor{});
      const auto value = [&](const Matrix& a, const Matrix& w, const Matrix& b) {
        return dot(ref::layer_norm(a, w, b, epsilon), upstream);
      };
      VERIFY_CLOSE(host(x_gradient),
                   ref::sum(x_before, central_differences(
                                          x, [&](const Matrix& m) { return value(m, weight, bias); }, 1e-6)),
                   gradient_tolerance);
      const Matrix of_weight =
          weighted ? ref::sum(before, central_differences(weight, [&](const Matrix& m) { return value(x, m, bias); }))
                   : before;
      const Matrix of_bias =
          biased ? ref::sum(before, central_differences(bias, [&](const Matrix& m) { return value(x, weight, m); }))
                 : before;
      VERIFY_CLOSE(host(weight_gradient), of_weight, gradient_tolerance);
      VERIFY_CLOSE(host(bias_gradient), of_bias, gradient_tolerance);
    }
  }

  void gelu_data() {
    QTest::addColumn<bool>("exact");
    QTest::addColumn<bool>("gated");
    for (const bool exact : {true, false})
      for (const bool gated : {true, false})
        QTest::addRow("%s, %s", exact ? "exact" : "by tanh", gated ? "gated" : "plain") << exact << gated;
  }
  void gelu() {
    QFETCH(bool, exact);
    QFETCH(bool, gated);
    const Gelu kind = exact ? Gelu::exact : Gelu::tanh;
    Random random(4);
    Matrix x = ref::random_matrix(5, 133, random, 2);
    x(0, 0) = 40, x(0, 1) = -40, x(0, 2) = -100, x(0, 3) = 0, x(0, 4) = 1e-6, x(0, 5) = -5;
    const Matrix up = gated ? ref::random_matrix(5, 133, random) : Matrix(),
                 upstream = ref::random_matrix(5, 133, random);
    const Buffer dx = on_device(ops, x), du = gated ? on_device(ops, up) : Buffer(), out = full_of_nan(ops, 5, 133);
    ops->gelu(kind, dx, du, out);
    VERIFY_CLOSE(host(out), ref::gelu(kind, x, up), forward_tolerance);
    const Buffer gx = full_of_nan(ops, 5, 133), gu = gated ? full_of_nan(ops, 5, 133) : Buffer();
    ops->gelu_backward(kind, dx, du, on_device(ops, upstream), gx, gu);
    VERIFY_CLOSE(host(gx),
                 central_differences(x, [&](const Matrix& m) { return dot(ref::gelu(kind, m, up), upstream); }),
                 gradient_tolerance);
    if (gated)
      VERIFY_CLOSE(host(gu),
                   central_differences(up, [&](const Matrix& m) { return dot(ref::gelu(kind, x, m), upstream); }),
                   gradient_tolerance);
  }

  void bias() {
    Random random(5);
    const Matrix y = ref::random_matrix(9, 75, random), b = ref::random_matrix(1, 75, random);
    const Buffer dy = on_device(ops, y), gradient = on_device(ops, b);
    ops->add_bias(on_device(ops, b), dy);
    Matrix added = y, sums = b;
    for (int64_t n = 0; n < 9; ++n)
      for (int64_t c = 0; c < 75; ++c) added(n, c) += b(0, c), sums(0, c) += y(n, c);
    VERIFY_CLOSE(host(dy), added, forward_tolerance);
    ops->add_bias_backward(on_device(ops, y), gradient);
    VERIFY_CLOSE(host(gradient), sums, forward_tolerance);
  }

  void soft_cap() {
    Random random(6);
    Matrix x = ref::random_matrix(4, 77, random, 20);
    x(0, 0) = 1000, x(0, 1) = -1000, x(0, 2) = 0, x(0, 3) = 1e-5;
    const Matrix upstream = ref::random_matrix(4, 77, random);
    const Buffer y = on_device(ops, x), gradient = on_device(ops, upstream);
    ops->soft_cap(y, 15);
    VERIFY_CLOSE(host(y), ref::soft_cap(x, 15), forward_tolerance);
    QVERIFY(std::abs(host(y)(0, 3) / 1e-5 - 1) < 1e-5);
    ops->soft_cap_backward(y, 15, gradient);
    VERIFY_CLOSE(host(gradient),
                 central_differences(x, [&](const Matrix& m) { return dot(ref::soft_cap(m, 15), upstream); }),
                 gradient_tolerance);
  }

  void clip() {
    const Matrix x = [] {
      Matrix m(2, 3);
      m.data = {-3, -0.5, 0, 0.25, 0.75, 2};
      return m;
    }();
    const Buffer y = on_device(ops, x), gradient = on_device(ops, Matrix(2, 3, 7));
    ops->clip(y, 0.75f);
    QCOMPARE(host(y).data, (std::vector<double>{-0.75, -0.5, 0, 0.25, 0.75, 0.75}));
    ops->clip_backward(y, 0.75f, gradient);
    QCOMPARE(host(gradient).data, (std::vector<double>{0, 7, 7, 7, 0, 0}));
  }

  void rope_of_part_of_a_head() {
    Random random(7);
    const int width = 10, part = 4;
    const std::vector<int32_t> positions = {0, 1, 2, 0, 1, 99};
    ModelConfig config;
    config.context = 100, config.head_width = width, config.rope.width = part;
    const Buffer table = rope_table(config, ops);
    const Matrix x = ref::random_matrix(6, 3 * width, random), upstream = ref::random_matrix(6, 3 * width, random);
    const Buffer turned = on_device(ops, x), gradient = on_device(ops, upstream);
    const IdBuffer ids = ids_on_device(ops, positions);
    ops->rope(turned, ids, table, width, Rotation::forward);
    const auto turn = [&](const Matrix& m) { return ref::rope(m, positions, width, 10000, Rotation::forward, part); };
    VERIFY_CLOSE(host(turned), turn(x), forward_tolerance);
    ops->rope(gradient, ids, table, width, Rotation::inverse);
    VERIFY_CLOSE(host(gradient), central_differences(x, [&](const Matrix& m) { return dot(turn(m), upstream); }),
                 gradient_tolerance);
  }

  void attention_data() {
    QTest::addColumn<float>("scale");
    QTest::addColumn<float>("cap");
    QTest::addColumn<int>("window");
    QTest::addColumn<bool>("cached");
    for (const bool cached : {false, true}) {
      const char* when = cached ? "behind a cache" : "packed";
      QTest::addRow("a window, %s", when) << 0.0f << 0.0f << 3 << cached;
      QTest::addRow("a window of one, %s", when) << 0.0f << 0.0f << 1 << cached;
      QTest::addRow("a window wider than the text, %s", when) << 0.0f << 0.0f << 50 << cached;
      QTest::addRow("a scale, %s", when) << 0.3f << 0.0f << 0 << cached;
      QTest::addRow("a cap, %s", when) << 0.0f << 1.5f << 0 << cached;
      QTest::addRow("all of them, %s", when) << 0.4f << 2.0f << 4 << cached;
    }
  }
  void attention() {
    QFETCH(float, scale);
    QFETCH(float, cap);
    QFETCH(int, window);
    QFETCH(bool, cached);
    Random random(8);
    const int heads = 4, shared = 2, width = 6;
    const Heads shape{heads, shared, width, scale, cap, window};
    const std::vector<Segment> packed = {{0, 7, 0, 7}, {7, 8, 7, 8}, {8, 11, 8, 11}}, continued = {{0, 3, 0, 11}};
    const auto& segments = cached ? continued : packed;
    check_attention(ops, shape, segments, cached ? 3 : 11, 11, random);
  }
};

QTEST_GUILESS_MAIN(FamilyOperationsTest)
#include "family_operations_test.moc"

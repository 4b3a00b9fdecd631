// Every tangent against the difference along its direction of the same operation in f64, and against the backward: of
// any u and v, <u, J v> is <J^T u, v>. A tolerance is the largest difference over the largest magnitude.
#include <QtTest>

#include "tests/support/compare.h"

using namespace stemma;
using namespace stemma::test;
namespace ref = stemma::reference;

namespace {

constexpr double tolerance = 2e-5;

Matrix moved(Matrix x, const Matrix& along, double by) {
  for (size_t i = 0; i < x.data.size(); ++i) x.data[i] += by * along.data[i];
  return x;
}

// (f(step) - f(-step)) / (2 step)
Matrix derivative(const std::function<Matrix(double)>& f, double step = 1e-5) {
  Matrix above = f(step);
  const Matrix below = f(-step);
  for (size_t i = 0; i < above.data.size(); ++i) above.data[i] = (above.data[i] - below.data[i]) / (2 * step);
  return above;
}

// How far <u, J v> is from <J^T u, v>, over the sum of its terms' magnitudes.
double gap(const Matrix& u, const Matrix& along_v, double back) {
  double magnitude = 0;
  for (size_t i = 0; i < u.data.size(); ++i) magnitude += std::abs(u.data[i] * along_v.data[i]);
  return std::abs(dot(u, along_v) - back) / magnitude;
}

}  // namespace

class TangentsTest : public QObject {
  Q_OBJECT

  const std::shared_ptr<Ops> ops = make_cpu_ops();
  Matrix host(Tensor tensor) const { return from_device(*ops, tensor); }
  Buffer zeros(int64_t rows, int64_t columns) const { return on_device(ops, Matrix(rows, columns)); }

 private slots:
  void norms_data() {
    QTest::addColumn<bool>("layer");
    QTest::addColumn<bool>("weighted");
    QTest::newRow("rms") << false << true;
    QTest::newRow("layer") << true << true;
    QTest::newRow("layer without weights") << true << false;
  }
  void norms() {
    QFETCH(bool, layer);
    QFETCH(bool, weighted);
    for (const int64_t width : {3, 5, 48, 131}) {
      Random random(static_cast<uint64_t>(width));
      const int64_t rows = 7;
      const float epsilon = 1e-5f;
      Matrix x = ref::random_matrix(rows, width, random), along = ref::random_matrix(rows, width, random);
      for (int64_t c = 0; c < width; ++c) x(1, c) += 30;                     // far from zero
      for (int64_t c = 0; c < width; ++c) x(2, c) = 0, along(2, c) *= 1e-3;  // a row that epsilon keeps finite
      const Matrix weight = weighted ? ref::random_matrix(1, width, random) : Matrix(),
                   above = ref::random_matrix(rows, width, random);
      const Buffer dx = on_device(ops, x), dw = weighted ? on_device(ops, weight) : Buffer(),
                   da = on_device(ops, along), y = zeros(rows, width), statistics = zeros(rows, layer ? 2 : 1),
                   tangent = full_of_nan(ops, rows, width), gradient = zeros(rows, width);
      if (layer) {
        ops->layer_norm(dx, dw, {}, epsilon, y, statistics);
        ops->layer_norm_tangent(dx, dw, statistics, da, tangent);
        ops->layer_norm_backward(dx, dw, statistics, on_device(ops, above), gradient, {}, {});
      } else {
        ops->rms_norm(dx, dw, epsilon, y, statistics);
        ops->rms_norm_tangent(dx, dw, statistics, da, tangent);
        ops->rms_norm_backward(dx, dw, statistics, on_device(ops, above), gradient, {});
      }
      const Matrix found = host(tangent);
      const Matrix expected = derivative(
          [&](double by) {
            const Matrix at = moved(x, along, by);
            return layer ? ref::layer_norm(at, weight, {}, epsilon) : ref::rms_norm(at, weight, epsilon);
          },
          1e-6);
      VERIFY_CLOSE(found, expected, tolerance);
      QVERIFY(gap(above, found, dot(host(gradient), along)) < 1e-6);
      // In place, the same.
      if (layer)
        ops->layer_norm_tangent(dx, dw, statistics, da, da);
      else
        ops->rms_norm_tangent(dx, dw, statistics, da, da);
      VERIFY_CLOSE(host(da), found, 0.0);
    }
  }

  void attention_data() {
    QTest::addColumn<int>("heads");
    QTest::addColumn<int>("shared");
    QTest::addColumn<int>("width");
    QTest::addColumn<float>("scale");
    QTest::addColumn<float>("cap");
    QTest::addColumn<int>("window");
    QTest::addColumn<bool>("cached");
    QTest::newRow("one head") << 1 << 1 << 4 << 0.0f << 0.0f << 0 << false;
    QTest::newRow("groups of two") << 4 << 2 << 16 << 0.0f << 0.0f << 0 << false;
    QTest::newRow("wide heads") << 2 << 1 << 64 << 0.0f << 0.0f << 0 << false;
    QTest::newRow("fewer queries than keys") << 4 << 1 << 10 << 0.0f << 0.0f << 0 << true;
    QTest::newRow("a window of one") << 2 << 2 << 6 << 0.0f << 0.0f << 1 << false;
    QTest::newRow("a scale, a cap and a window") << 4 << 2 << 6 << 0.4f << 2.0f << 20 << false;
    QTest::newRow("all of them behind more keys") << 4 << 2 << 6 << 0.4f << 2.0f << 4 << true;
  }
  void attention() {
    QFETCH(int, heads);
    QFETCH(int, shared);
    QFETCH(int, width);
    QFETCH(float, scale);
    QFETCH(float, cap);
    QFETCH(int, window);
    QFETCH(bool, cached);
    Random random(static_cast<uint64_t>(heads * 100 + width));
    const Heads shape{heads, shared, width, scale, cap, window};
    const std::vector<Segment> packed = {{0, 45, 0, 45}, {45, 46, 45, 46}, {46, 53, 46, 53}},
                               continued = {{0, 40, 0, 53}};
    const auto& segments = cached ? continued : packed;
    const int64_t queries = cached ? 40 : 53, keys = 53;
    const auto normal = [&](int64_t rows, int64_t columns) { return ref::random_matrix(rows, columns, random); };
    const Matrix q = normal(queries, heads * width), k = normal(keys, shared * width), v = normal(keys, shared * width),
                 q_along = normal(queries, heads * width), k_along = normal(keys, shared * width),
                 v_along = normal(keys, shared * width), above = normal(queries, heads * width);
    const Buffer dq = on_device(ops, q), dk = on_device(ops, k), dv = on_device(ops, v),
                 z = zeros(queries, heads * width), log_sum = zeros(queries, heads),
                 tangent = full_of_nan(ops, queries, heads * width), gq = zeros(queries, heads * width),
                 gk = zeros(keys, shared * width), gv = zeros(keys, shared * width);
    ops->attention(dq, dk, dv, segments, shape, z, log_sum);
    ops->attention_tangent(dq, dk, dv, log_sum, on_device(ops, q_along), on_device(ops, k_along),
                           on_device(ops, v_along), segments, shape, tangent);
    const Matrix found = host(tangent);
    VERIFY_CLOSE(found, derivative([&](double by) {
                   return ref::attention(moved(q, q_along, by), moved(k, k_along, by), moved(v, v_along, by), segments,
                                         shape);
                 }),
                 tolerance);
    ops->attention_backward(dq, dk, dv, z, log_sum, on_device(ops, above), segments, shape, gq, gk, gv);
    const double back = dot(host(gq), q_along) + dot(host(gk), k_along) + dot(host(gv), v_along);
    QVERIFY(gap(above, found, back) < 1e-6);
  }

  void activations_data() {
    QTest::addColumn<QString>("kind");
    QTest::addColumn<bool>("gated");
    QTest::newRow("swiglu") << "swiglu" << true;
    for (const char* kind : {"exact", "tanh"})
      for (const bool gated : {true, false})
        QTest::addRow("gelu %s, %s", kind, gated ? "gated" : "plain") << kind << gated;
  }
  void activations() {
    QFETCH(QString, kind);
    QFETCH(bool, gated);
    const Gelu gelu = kind == "exact" ? Gelu::exact : Gelu::tanh;
    Random random(4);
    Matrix x = ref::random_matrix(5, 133, random, 3);
    x(0, 0) = 40, x(0, 1) = -40, x(0, 2) = -100, x(0, 3) = 0;
    const Matrix up = gated ? ref::random_matrix(5, 133, random) : Matrix(),
                 x_along = ref::random_matrix(5, 133, random),
                 up_along = gated ? ref::random_matrix(5, 133, random) : Matrix(),
                 above = ref::random_matrix(5, 133, random);
    const Buffer dx = on_device(ops, x), du = gated ? on_device(ops, up) : Buffer(), da = on_device(ops, x_along),
                 db = gated ? on_device(ops, up_along) : Buffer(), tangent = full_of_nan(ops, 5, 133),
                 gx = zeros(5, 133), gu = gated ? zeros(5, 133) : Buffer();
    if (kind == "swiglu") {
      ops->swiglu_tangent(dx, du, da, db, tangent);
      ops->swiglu_backward(dx, du, on_device(ops, above), gx, gu);
    } else {
      ops->gelu_tangent(gelu, dx, du, da, db, tangent);
      ops->gelu_backward(gelu, dx, du, on_device(ops, above), gx, gu);
    }
    const Matrix found = host(tangent);
    VERIFY_CLOSE(found, derivative([&](double by) {
                   const Matrix at = moved(x, x_along, by), factor = gated ? moved(up, up_along, by) : Matrix();
                   return kind == "swiglu" ? ref::swiglu(at, factor) : ref::gelu(gelu, at, factor);
                 }),
                 tolerance);
    const double back = dot(host(gx), x_along) + (gated ? dot(host(gu), up_along) : 0);
    QVERIFY(gap(above, found, back) < 1e-6);
  }
};

QTEST_GUILESS_MAIN(TangentsTest)
#include "tangents_test.moc"

// The loss and draws from the softmax; an optimiser's step; sums of influence.
#include "tests/kernels/cuda/parity.h"

using namespace stemma;
using namespace stemma::parity;

class CudaLossTest : public QObject, Parity {
  Q_OBJECT

 private slots:
  void initTestCase() { open(); }
  void init() { generator.seed(1); }

  void cross_entropy() {
    for (const auto& [rows, vocabulary] : {std::pair{1, 3}, {70, 333}, {9, 50021}})
      for (const float scale : {1.f, 30.f}) {
        std::vector<int32_t> targets = random_ids(rows, vocabulary);
        if (rows > 5) targets[3] = targets[5] = -1;
        compare(1e-5, {random_matrix(rows, vocabulary, scale), random_matrix(rows, 1)}, targets,
                [](Ops& ops, const Tensors& t, Ids ids) { ops.cross_entropy(t[0], ids, 0.7f, t[1]); });
      }
  }

  // A draw within a rounding error of the border between two tokens may fall on either.
  void sample_targets() {
    for (const auto& [rows, vocabulary] : {std::pair{400, 3}, {300, 777}, {9, 40009}}) {
      std::vector<int32_t> targets = random_ids(rows, vocabulary);
      targets[2] = -1;
      Matrix uniforms{rows, 1, std::vector<float>(static_cast<size_t>(rows))};
      for (float& value : uniforms.values) value = std::uniform_real_distribution<float>()(generator);
      uniforms.values[0] = 0;
      uniforms.values[1] = std::nextafter(1.f, 0.f);
      const Matrix logits = random_matrix(rows, vocabulary, 2);
      const Operation draw = [](Ops& ops, const Tensors& t, Ids ids) { ops.sample_targets(t[0], t[1], ids); };
      const Result expected = run(cpu, {logits, uniforms}, targets, draw);
      const Result found = run(cuda, {logits, uniforms}, targets, draw);
      int moved = 0;
      for (size_t i = 0; i < targets.size(); ++i) {
        QVERIFY(std::abs(expected.ids[i] - found.ids[i]) <= 1);
        moved += expected.ids[i] != found.ids[i];
      }
      QCOMPARE(found.ids[2], -1);
      QVERIFY(moved <= 3);
    }
  }

  void adamw() {
    for (const int64_t step : {1, 2, 1000})
      compare(1e-5, {random_matrix(7, 401), random_matrix(7, 401), random_matrix(7, 401), positive_matrix(7, 401)}, {},
              [step](Ops& ops, const Tensors& t, Ids) {
                ops.adamw(t[0], t[1], t[2], t[3], {1e-3f, 0.9f, 0.95f, 1e-8f, 0.1f, step});
              });
  }

  void sum_of_squares() {
    for (const auto& [rows, columns] : {std::pair{0, 5}, {1, 1}, {3, 1001}, {515, 2049}}) {
      const Matrix x = random_matrix(rows, columns);
      const double exact = std::inner_product(x.values.begin(), x.values.end(), x.values.begin(), 0.0,
                                              std::plus<double>(), [](double a, double b) { return a * b; });
      run(cuda, {x}, {}, [&](Ops& ops, const Tensors& t, Ids) {
        const double found = ops.sum_of_squares(t[0]);
        QVERIFY(std::abs(found - exact) <= 1e-12 * exact);
        QVERIFY(found == ops.sum_of_squares(t[0]));
      });
      run(cpu, {x}, {}, [&](Ops& ops, const Tensors& t, Ids) {
        QVERIFY(std::abs(ops.sum_of_squares(t[0]) - exact) <= 1e-5 * exact);
      });
    }
  }

  void influence() {
    for (const auto& [rows, columns] : {std::pair{1, 1}, {5, 333}, {3, 70001}, {301, 65}}) {
      compare(1e-6, {random_matrix(rows, columns), positive_matrix(rows, columns), random_matrix(rows, columns)}, {},
              [](Ops& ops, const Tensors& t, Ids) { ops.divide_damped(t[0], t[1], 0.1f, t[2]); });
      compare(1e-5, {positive_matrix(rows, columns), positive_matrix(rows, columns), random_matrix(rows, 1)}, {},
              [](Ops& ops, const Tensors& t, Ids) { ops.row_dots(t[0], t[1], t[2]); });
    }
  }
};

QTEST_GUILESS_MAIN(CudaLossTest)
#include "loss_test.moc"

// The activation gradient of products with weights as they are stored, against plain loops in double precision; and
// rounding to bf16.
#include <QtTest>
#include <bit>
#include <cstring>

#include "kernels/cpu_kernels.h"
#include "kernels/half.h"
#include "kernels/products/bf16_product.h"
#include "tests/kernels/reference.h"

using namespace stemma;
namespace ref = stemma::reference;

namespace {

float number_of(WeightType type, uint16_t bits) {
  return type == WeightType::bf16 ? std::bit_cast<float>(uint32_t{bits} << 16) : float_of(bits);
}

// Random weights, and the numbers that they are.
struct Stored {
  Stored(WeightType type, int64_t rows, int64_t columns, Random& random)
      : numbers(ref::random_matrix(rows, columns, random)), whole(numbers.data.begin(), numbers.data.end()) {
    if (type == WeightType::f32) {
      matrix = matrix_of({whole.data(), rows, columns});
      return;
    }
    for (double& number : numbers.data) {
      const auto value = static_cast<float>(number);
      bits.push_back(type == WeightType::bf16 ? bf16_of(value) : half_of(value));
      number = number_of(type, bits.back());
    }
    matrix = {type, reinterpret_cast<std::byte*>(bits.data()), rows, columns};
  }
  ref::Matrix numbers;
  std::vector<float> whole;
  std::vector<uint16_t> bits;
  WeightMatrix matrix;
};

}  // namespace

class LinearBackwardTest : public QObject {
  Q_OBJECT

 private slots:
  void gradients_are_those_of_plain_loops_data() {
    QTest::addColumn<int>("type");
    QTest::addColumn<bool>("best");  // what this processor does best, or what any does
    for (const WeightType type : {WeightType::f32, WeightType::bf16, WeightType::f16})
      for (const bool best : {true, false})
        QTest::addRow("%s %s", format_of(type).name.data(), best ? "best" : "plain") << static_cast<int>(type) << best;
  }
  void gradients_are_those_of_plain_loops() {
    QFETCH(int, type);
    QFETCH(bool, best);
    const auto kind = static_cast<WeightType>(type);
    const bool rounds = best && kind == WeightType::bf16 && cpu::multiplies_bf16();
    Random random(static_cast<uint64_t>(type) + 1);
    double worst = 0, worst_rounded = 0;
    // The last is so large that its rows are unpacked in parts.
    for (const auto& [outputs, inputs] : {std::pair{1, 1}, {35, 77}, {300, 64}, {1100, 1001}}) {
      const Stored w(kind, outputs, inputs, random);
      for (const int64_t rows : {1, 5, 40})
        for (const bool add : {false, true}) {
          ref::Matrix g = ref::random_matrix(rows, outputs, random), before = ref::random_matrix(rows, inputs, random);
          std::vector<float> in(g.data.begin(), g.data.end()), out(before.data.begin(), before.data.end());
          if (!add) std::fill(out.begin(), out.end(), NAN);
          cpu::linear_backward({in.data(), rows, outputs}, w.matrix, {out.data(), rows, inputs}, add,
                               best ? cpu::best_streams() : cpu::streams_plain);
          const auto error = [&](const ref::Matrix& y_gradient) {
            const ref::Matrix product = ref::product(y_gradient, w.numbers);
            double largest = 0;
            for (size_t i = 0; i < out.size(); ++i) {
              const double off = out[i] - product.data[i] - (add ? before.data[i] : 0);
              largest = std::max(largest, std::isfinite(off) ? std::abs(off) : INFINITY);
            }
            return largest / std::sqrt(static_cast<double>(outputs));  // of a sum of as many normal numbers
          };
          const double exact = error(g);
          if (!rounds) {
            worst = std::max(worst, exact);
            QVERIFY2(exact < 1e-5, qPrintable(QString::number(exact)));
            continue;
          }
          for (double& number : g.data) number = number_of(kind, bf16_of(static_cast<float>(number)));
          worst_rounded = std::max(worst_rounded, exact);
          worst = std::max(worst, error(g));
          QVERIFY2(error(g) < 1e-5, "the gradient alone is rounded");
          QVERIFY(exact > 1e-5 || outputs == 1);
        }
    }
    qInfo("largest error %.1e, against a gradient that is not rounded %.1e", worst, worst_rounded);
  }

  void rounding_is_to_the_nearest() {
    Random random(5);
    const ref::Matrix x = ref::random_matrix(70, 300, random);  // so many that threads share them
    std::vector<float> in(x.data.begin(), x.data.end());
    in[3] = NAN, in[4] = INFINITY, in[5] = 1.00390625f, in[6] = 1.00048828125f;  // half a step of bf16, of f16
    in[7] = 70000, in[8] = -65519, in[9] = 1e-6f, in[10] = -1e-9f;               // too large, not quite; small ones
    std::vector<uint16_t> out(in.size(), 1);
    const auto ops = make_cpu_ops();
    for (const WeightType type : {WeightType::bf16, WeightType::f16}) {
      ops->round({in.data(), 70, 300}, {type, reinterpret_cast<std::byte*>(out.data()), 70, 300});
      for (size_t i = 0; i < in.size(); ++i)
        QCOMPARE(out[i], type == WeightType::f16 ? half_of(in[i]) : bf16_of(in[i]));
    }
    std::vector<float> whole(in.size());
    ops->round({in.data(), 70, 300}, matrix_of(Tensor{whole.data(), 70, 300}));
    QCOMPARE(std::memcmp(whole.data(), in.data(), sizeof(float) * in.size()), 0);
  }
};

QTEST_GUILESS_MAIN(LinearBackwardTest)
#include "linear_backward_test.moc"

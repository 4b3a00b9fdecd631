// Products of many rows with weights in f32, bf16 and f16, against plain loops in double precision.
#include "kernels/products/panel_product.h"

#include <omp.h>

#include <QtTest>
#include <cmath>

#include "kernels/half.h"
#include "kernels/products/tiles.h"
#include "tests/kernels/random_blocks.h"
#include "tests/kernels/reference.h"

using namespace stemma;
namespace ref = stemma::reference;

namespace {

std::vector<float> floats(const ref::Matrix& x) { return {x.data.begin(), x.data.end()}; }

// y = x w^T of the first `rows` of x, by so many threads.
std::vector<float> multiply(std::vector<float>& x, int64_t rows, std::vector<float>& w, int64_t outputs, int threads) {
  const int64_t width = std::ssize(w) / outputs;
  std::vector<float> y(static_cast<size_t>(rows * outputs), NAN);
  const int before = omp_get_max_threads();
  omp_set_num_threads(threads);
  const Ops::Product one[] = {{matrix_of(Tensor{w.data(), outputs, width}), {y.data(), rows, outputs}}};
  cpu::product_panels({x.data(), rows, width}, one);
  omp_set_num_threads(before);
  return y;
}

}  // namespace

class PanelProductTest : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase() {
    if (cpu::best_tiles().lanes != 16) QSKIP("This processor has no vectors of 512 bits.");
  }

  void only_many_rows_are_taken() {
    float number = 0;
    uint16_t half = 0;
    const WeightMatrix floats = matrix_of(Tensor{&number, 40, 8}), halves = matrix_of(View<uint16_t>{&half, 40, 8}),
                       odd = matrix_of(View<uint16_t>{&half, 40, 7});
    QVERIFY(cpu::takes_panels(64, floats) && cpu::takes_panels(5000, floats) && !cpu::takes_panels(63, floats));
    if (!cpu::best_tiles().product_of_pairs) QSKIP("This processor does not multiply bf16.");
    QVERIFY(cpu::takes_panels(64, halves) && cpu::takes_panels(1024, halves));
    QVERIFY(!cpu::takes_panels(63, halves) && !cpu::takes_panels(1025, halves) && !cpu::takes_panels(64, odd));
  }

  // Panels that are not whole, rows that no tile holds, and columns that pass in parts.
  void products_are_those_of_plain_loops() {
    Random random(1);
    for (const int64_t width : {1, 77, 1030})
      for (const int64_t outputs : {1, 16, 48, 90, 112}) {
        const ref::Matrix w = ref::random_matrix(outputs, width, random);
        for (const int64_t rows : {64, 71, 203, 2050}) {
          const ref::Matrix x = ref::random_matrix(rows, width, random);
          const ref::Matrix expected = ref::linear(x, w), sizes = ref::linear(ref::magnitudes(x), ref::magnitudes(w));
          std::vector<float> in = floats(x), weights = floats(w);
          const std::vector<float> found = multiply(in, rows, weights, outputs, 2);
          QVERIFY2(ref::largest_share(found, expected, sizes) <= 3e-6,
                   qPrintable(QString("%1 rows, %2 x %3").arg(rows).arg(outputs).arg(width)));
        }
      }
  }

  void so_are_those_of_pairs() {
    if (!cpu::best_tiles().product_of_pairs) QSKIP("This processor does not multiply bf16.");
    Random random(3);
    for (const int64_t width : {2, 78, 2060}) {
      const int64_t rows = 71, outputs = 115;
      ref::Matrix x = ref::random_matrix(rows, width, random), w = ref::random_matrix(outputs, width, random);
      std::vector<float> in = floats(x);
      ref::round_to_bf16(x);
      std::vector<uint16_t> weights = ref::round_to_bf16(w);
      std::vector<float> y(static_cast<size_t>(rows * outputs), NAN);
      const WeightMatrix matrix = matrix_of(View<uint16_t>{weights.data(), outputs, width});
      QVERIFY(cpu::takes_panels(rows, matrix));
      const Ops::Product one[] = {{matrix, {y.data(), rows, outputs}}};
      cpu::product_panels({in.data(), rows, width}, one);
      const ref::Matrix expected = ref::linear(x, w), sizes = ref::linear(ref::magnitudes(x), ref::magnitudes(w));
      QVERIFY(ref::largest_share(y, expected, sizes) <= 3e-6);
    }
  }

  void those_of_f16_are_those_of_its_floats() {
    Random random(5);
    for (const int64_t width : {1, 77, 1030}) {
      const int64_t rows = 71, outputs = 115;
      std::vector<float> x = floats(ref::random_matrix(rows, width, random)),
                         w = floats(ref::random_matrix(outputs, width, random)), y(static_cast<size_t>(rows * outputs));
      std::vector<uint16_t> halves;
      for (float& number : w) {
        halves.push_back(half_of(number));
        number = float_of(halves.back());
      }
      const WeightMatrix matrix{WeightType::f16, reinterpret_cast<std::byte*>(halves.data()), outputs, width};
      QVERIFY(cpu::takes_panels(rows, matrix));
      const Ops::Product one[] = {{matrix, {y.data(), rows, outputs}}};
      cpu::product_panels({x.data(), rows, width}, one);
      QVERIFY(y == multiply(x, rows, w, outputs, 2));
    }
  }

  void several_of_one_x_are_what_each_is_alone() {
    Random random(4);
    const int64_t rows = 130, width = 100, outputs[] = {112, 17, 64};
    std::vector<float> x = floats(ref::random_matrix(rows, width, random)), w[3], y[3];
    std::vector<Ops::Product> products;
    for (size_t i = 0; i < 3; ++i) {
      w[i] = floats(ref::random_matrix(outputs[i], width, random));
      y[i].assign(static_cast<size_t>(rows * outputs[i]), NAN);
      products.push_back({matrix_of(Tensor{w[i].data(), outputs[i], width}), {y[i].data(), rows, outputs[i]}});
    }
    cpu::product_panels({x.data(), rows, width}, products);
    for (size_t i = 0; i < 3; ++i) QVERIFY(y[i] == multiply(x, rows, w[i], outputs[i], 1));
  }

  void bits_depend_on_neither_threads_nor_other_rows() {
    Random random(2);
    std::vector<float> x = floats(ref::random_matrix(300, 900, random)),
                       w = floats(ref::random_matrix(64, 900, random));
    const std::vector<float> alone = multiply(x, 300, w, 64, 1), fewer = multiply(x, 93, w, 64, 1);
    QVERIFY(alone == multiply(x, 300, w, 64, 5));
    QVERIFY(std::equal(fewer.begin(), fewer.end(), alone.begin()));
  }
};

QTEST_GUILESS_MAIN(PanelProductTest)
#include "panel_product_test.moc"

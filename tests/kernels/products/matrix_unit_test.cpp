// Products by the processor's matrix unit, forward and backward, against plain loops in double precision.
#include "kernels/products/matrix_unit.h"

#include <omp.h>

#include <QtTest>
#include <algorithm>
#include <cmath>

#include "tests/kernels/random_blocks.h"
#include "tests/kernels/reference.h"

using namespace stemma;
namespace ref = stemma::reference;

namespace {

std::vector<float> floats(const ref::Matrix& x) { return {x.data.begin(), x.data.end()}; }

struct Weights {
  Weights(int64_t rows, int64_t columns, Random& random)
      : numbers(ref::random_matrix(rows, columns, random)),
        bits(ref::round_to_bf16(numbers)),
        matrix(matrix_of(View<uint16_t>{bits.data(), rows, columns})) {}
  ref::Matrix numbers;
  std::vector<uint16_t> bits;
  WeightMatrix matrix;
};

template <class Work>
auto with_threads(int count, Work work) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(count);
  auto result = work();
  omp_set_num_threads(before);
  return result;
}

std::vector<float> forward(std::vector<float>& x, int64_t rows, const Weights& w, int threads = 2) {
  std::vector<float> y(static_cast<size_t>(rows * w.matrix.rows), NAN);
  const Ops::Product one[] = {{w.matrix, {y.data(), rows, w.matrix.rows}}};
  return with_threads(threads, [&] {
    cpu::product_by_matrix_unit({x.data(), rows, w.matrix.columns}, one);
    return y;
  });
}

std::vector<float> backward(std::vector<float>& y, int64_t rows, const Weights& w, std::vector<float> x, bool add,
                            int threads = 2) {
  return with_threads(threads, [&] {
    cpu::product_back_by_matrix_unit({y.data(), rows, w.matrix.rows}, w.matrix, {x.data(), rows, w.matrix.columns},
                                     add);
    return x;
  });
}

}  // namespace

class MatrixUnitTest : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase() {
    if (!cpu::has_matrix_unit()) QSKIP("This processor has no matrix unit, or this process may not use it.");
  }

  void matrices_of_whole_tiles_are_taken() {
    Random random(1);
    QVERIFY(cpu::takes_matrix_unit(Weights(3, 64, random).matrix));
    QVERIFY(!cpu::takes_matrix_unit(Weights(3, 48, random).matrix));
    float number = 0;
    QVERIFY(!cpu::takes_matrix_unit(matrix_of(Tensor{&number, 3, 64})));
  }

  // One row and many, tiles that are not whole, columns that pass in parts, and rows of w that are more than a page.
  void products_are_those_of_plain_loops() {
    Random random(2);
    for (const int64_t width : {32, 608, 2144})
      for (const int64_t outputs : {1, 31, 32, 97, 290}) {
        const Weights w(outputs, width, random);
        for (const int64_t rows : {1, 2, 16, 17, 49, 65, 150}) {
          ref::Matrix x = ref::random_matrix(rows, width, random);
          std::vector<float> in = floats(x);
          ref::round_to_bf16(x);
          const ref::Matrix expected = ref::linear(x, w.numbers),
                            sizes = ref::linear(ref::magnitudes(x), ref::magnitudes(w.numbers));
          QVERIFY2(ref::largest_share(forward(in, rows, w), expected, sizes) <= 3e-6,
                   qPrintable(QString("%1 rows, %2 x %3").arg(rows).arg(outputs).arg(width)));
        }
      }
  }

  void so_are_those_backward() {
    Random random(3);
    for (const int64_t width : {32, 608})
      for (const int64_t outputs : {1, 33, 1100}) {
        const Weights w(outputs, width, random);
        for (const int64_t rows : {1, 31, 32, 150})
          for (const bool add : {false, true}) {
            ref::Matrix y = ref::random_matrix(rows, outputs, random), before = ref::random_matrix(rows, width, random);
            std::vector<float> in = floats(y);
            ref::round_to_bf16(y);
            ref::Matrix expected = ref::product(y, w.numbers),
                        sizes = ref::product(ref::magnitudes(y), ref::magnitudes(w.numbers));
            for (size_t i = 0; add && i < expected.data.size(); ++i) {
              expected.data[i] += before.data[i];
              sizes.data[i] += std::abs(before.data[i]);
            }
            if (!add) std::ranges::fill(before.data, NAN);
            QVERIFY2(ref::largest_share(backward(in, rows, w, floats(before), add), expected, sizes) <= 3e-6,
                     qPrintable(QString("%1 rows, %2 x %3").arg(rows).arg(outputs).arg(width)));
          }
      }
  }

  void several_of_one_x_are_what_each_is_alone() {
    Random random(4);
    const int64_t rows = 70, width = 96;
    std::vector<float> x = floats(ref::random_matrix(rows, width, random)), y[3];
    const Weights w[] = {{112, width, random}, {17, width, random}, {300, width, random}};
    std::vector<Ops::Product> products;
    for (size_t i = 0; i < 3; ++i) {
      y[i].assign(static_cast<size_t>(rows * w[i].matrix.rows), NAN);
      products.push_back({w[i].matrix, {y[i].data(), rows, w[i].matrix.rows}});
    }
    cpu::product_by_matrix_unit({x.data(), rows, width}, products);
    for (size_t i = 0; i < 3; ++i) QVERIFY(y[i] == forward(x, rows, w[i], 1));
  }

  void bits_depend_on_neither_threads_nor_other_rows() {
    Random random(5);
    const int64_t rows = 600, width = 1056, outputs = 200;
    const Weights w(outputs, width, random);
    std::vector<float> x = floats(ref::random_matrix(rows, width, random)),
                       y = floats(ref::random_matrix(rows, outputs, random)),
                       before = floats(ref::random_matrix(rows, width, random));
    const std::vector<float> there = forward(x, rows, w, 1), back = backward(y, rows, w, before, true, 1);
    QVERIFY(there == forward(x, rows, w, 5) && back == backward(y, rows, w, before, true, 5));
    for (const int64_t fewer : {1, 7, 16, 40, 65, 513}) {
      const std::vector<float> some = forward(x, fewer, w);
      QVERIFY(std::equal(some.begin(), some.end(), there.begin()));
      const std::vector<float> begun(before.begin(), before.begin() + fewer * width),
          some_back = backward(y, fewer, w, begun, true);
      QVERIFY(std::equal(some_back.begin(), some_back.end(), back.begin()));
    }
  }
};

QTEST_GUILESS_MAIN(MatrixUnitTest)
#include "matrix_unit_test.moc"

// Products of matrices, with weights as they are stored, and of segments.
#include <bit>

#include "kernels/influence/eigenvectors.h"
#include "kernels/half.h"
#include "kernels/influence/low_rank_scores.h"
#include "tests/kernels/cuda/parity.h"

using namespace stemma;
using namespace stemma::parity;

class CudaProductsTest : public QObject, Parity {
  Q_OBJECT

 private slots:
  void initTestCase() { open(); }
  void init() { generator.seed(1); }

  void matmul() {
    for (const auto& [m, n, k] : {std::array{1, 1, 1}, {1, 300, 77}, {65, 33, 127}, {130, 257, 600}})
      for (const bool transpose_a : {false, true})
        for (const bool transpose_b : {false, true})
          for (const auto& [alpha, beta] : {std::pair{1.f, 0.f}, {0.5f, 1.f}, {-2.f, 0.25f}})
            compare(1e-5,
                    {transpose_a ? random_matrix(k, m) : random_matrix(m, k),
                     transpose_b ? random_matrix(n, k) : random_matrix(k, n), random_matrix(m, n)},
                    {}, [&, alpha = alpha, beta = beta](Ops& ops, const Tensors& t, Ids) {
                      ops.matmul(t[0], transpose_a, t[1], transpose_b, t[2], alpha, beta);
                    });
  }

  void products_of_one_x() {
    for (const int64_t rows : {1, 40})
      compare(1e-5,
              {random_matrix(rows, 70), random_matrix(33, 70), random_matrix(5, 70), random_matrix(rows, 33),
               random_matrix(rows, 5)},
              {}, [](Ops& ops, const Tensors& t, Ids) {
                const Ops::Product products[] = {{matrix_of(t[1]), t[3]}, {matrix_of(t[2]), t[4]}};
                ops.linear(t[0], products);
              });
  }

  // The same shapes at addresses that are multiples of 256, 4, 8 and 16 bytes: rows of 33, from another one on.
  void matrices_inside_others() {
    for (const int64_t row : {0, 1, 2, 4, 0})
      compare(1e-5, {random_matrix(9, 33), random_matrix(9, 33), random_matrix(7, 5)}, {},
              [row](Ops& ops, const Tensors& t, Ids) {
                ops.matmul(t[0].slice(row, row + 5), false, t[1].slice(row, row + 5), true, t[2].slice(2, 7));
              });
  }

  // Each product reads x as its own weights ask for it, whatever its neighbours do.
  void products_of_weights_of_several_types() {
    const std::vector<WeightType> types{WeightType::bf16, WeightType::bf16, WeightType::f32, WeightType::f16,
                                        WeightType::bf16};
    const Matrix x = random_matrix(3, 70), y = random_matrix(3, 9);
    std::vector<BasicBuffer<std::byte>> stored;
    std::vector<WeightMatrix> weights;
    for (const WeightType type : types) {
      const Matrix w = random_matrix(9, 70);
      weights.push_back({type, nullptr, 9, 70});
      std::vector<uint16_t> bits;
      for (const float value : w.values) bits.push_back(type == WeightType::f16 ? half_of(value) : bf16_of(value));
      stored.emplace_back(cuda, 1, weights.back().bytes());
      const void* host = bits.data();
      if (type == WeightType::f32) host = w.values.data();
      stored.back().upload(static_cast<const std::byte*>(host));
      weights.back().data = stored.back().view().data;
    }
    const Result found = run(cuda, {x, y, y, y, y, y}, {}, [&](Ops& ops, const Tensors& t, Ids) {
      std::vector<Ops::Product> products;
      for (size_t i = 0; i < weights.size(); ++i) products.push_back({weights[i], t[i + 1]});
      ops.linear(t[0], products);
    });
    for (size_t i = 0; i < weights.size(); ++i) {
      const Result alone =
          run(cuda, {x, y}, {}, [&](Ops& ops, const Tensors& t, Ids) { ops.linear(t[0], weights[i], t[1]); });
      QVERIFY(found.matrices[i + 1] == alone.matrices[1]);
    }
  }

  // x is rounded to what the weights are in: nothing else is lost.
  void weights_of_16_bits() {
    for (const WeightType type : {WeightType::bf16, WeightType::f16})
      for (const int64_t rows : {1, 40}) {
        const auto bits_of = [type](float value) { return type == WeightType::bf16 ? bf16_of(value) : half_of(value); };
        const auto number_of = [type](uint16_t bits) {
          return type == WeightType::bf16 ? std::bit_cast<float>(uint32_t{bits} << 16) : float_of(bits);
        };
        const Matrix x = random_matrix(rows, 70), y{rows, 33, std::vector<float>(static_cast<size_t>(rows * 33))};
        Matrix w = random_matrix(33, 70), rounded = x;
        std::vector<uint16_t> bits;
        for (float& value : w.values) bits.push_back(bits_of(value)), value = number_of(bits.back());
        for (float& value : rounded.values) value = number_of(bits_of(value));
        BasicBuffer<uint16_t> stored(cuda, 33, 70);
        stored.upload(bits.data());
        const WeightMatrix matrix{type, reinterpret_cast<std::byte*>(stored.view().data), 33, 70};

        const auto exact = run(cpu, {rounded, w, y}, {},
                               [](Ops& ops, const Tensors& t, Ids) { ops.matmul(t[0], false, t[1], true, t[2]); });
        const auto found =
            run(cuda, {x, y}, {}, [&](Ops& ops, const Tensors& t, Ids) { ops.linear(t[0], matrix, t[1]); });
        const double off = test::difference(found.matrices[1], exact.matrices[2]);
        QVERIFY2(off <= 1e-5, qPrintable(QString::number(off)));

        const Matrix g = random_matrix(rows, 33);
        Matrix g_rounded = g;
        for (float& value : g_rounded.values) value = number_of(bits_of(value));
        for (const bool add : {false, true}) {
          const auto expected = run(cpu, {g_rounded, w, x}, {}, [&](Ops& ops, const Tensors& t, Ids) {
            ops.linear_backward(t[0], matrix_of(t[1]), t[2], add);
          });
          const auto back = run(cuda, {g, x}, {},
                                [&](Ops& ops, const Tensors& t, Ids) { ops.linear_backward(t[0], matrix, t[1], add); });
          const double apart = test::difference(back.matrices[1], expected.matrices[2]);
          QVERIFY2(apart <= 1e-5, qPrintable(QString::number(apart)));
        }

        const std::vector<int32_t> ids = random_ids(rows, 33);
        const auto embedded =
            run(cuda, {x}, ids, [&](Ops& ops, const Tensors& t, Ids on) { ops.embed(on, matrix, t[0]); });
        for (size_t i = 0; i < ids.size(); ++i)
          QVERIFY(std::equal(w.values.begin() + ids[i] * 70, w.values.begin() + (ids[i] + 1) * 70,
                             embedded.matrices[0].begin() + static_cast<int64_t>(i) * 70));
      }
  }

  void linear_backward() {
    for (const bool add : {false, true})
      compare(1e-5, {random_matrix(40, 33), random_matrix(33, 70), random_matrix(40, 70)}, {},
              [add](Ops& ops, const Tensors& t, Ids) { ops.linear_backward(t[0], matrix_of(t[1]), t[2], add); });
  }

  void rounding() {
    const Matrix x = random_matrix(9, 70);
    const auto rounded = [&](const std::shared_ptr<Ops>& ops) {
      BasicBuffer<uint16_t> bits(ops, 9, 70);
      std::vector<uint16_t> found(9 * 70);
      Buffer in(ops, 9, 70);
      in.upload(x.values.data());
      ops->round(in, matrix_of(bits));
      bits.download(found.data());
      return found;
    };
    QCOMPARE(rounded(cuda), rounded(cpu));
  }

  void gram() {
    compare(1e-5, {random_matrix(70, 37), random_matrix(37, 37)}, {}, [](Ops& ops, const Tensors& t, Ids) {
      ops.gram(t[0], t[1]);
      for (int64_t i = 1; i < 37; ++i) ops.zero(t[1].row(i), sizeof(float) * static_cast<size_t>(i));  // undefined
    });
  }

  // Vectors of a matrix with eigenvalues apart are those of the CPU but for their sign; the device gets one triangle.
  void eigenvectors() {
    for (const int64_t n : {1, 2, 37, 130}) {
      std::vector<double> matrix(static_cast<size_t>(n * n)), sums(matrix.size());
      for (double& x : matrix) x = std::normal_distribution<double>()(generator);
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) sums[i * n + j] = matrix[i * n + j] + matrix[j * n + i] + (i == j ? 9 * i : 0);
      std::vector<double> expected = sums, found = sums;
      QVERIFY(stemma::eigenvectors(expected.data(), n));
      QVERIFY(cuda->eigenvectors(found.data(), n));
      for (int64_t i = 0; i < n; ++i) {
        double dot = 0;
        for (int64_t j = 0; j < n; ++j) dot += expected[i * n + j] * found[i * n + j];
        QVERIFY2(std::abs(std::abs(dot) - 1) < 1e-9, qPrintable(QString::number(dot)));
      }
    }
  }

  void segment_outer() {
    for (const auto& lengths : std::vector<std::vector<std::pair<int, int>>>{
             {{9, 9}}, {{4, 4}, {4, 4}, {4, 4}}, {{3, 3}, {3, 3}, {70, 70}, {1, 1}, {1, 1}, {0, 0}, {5, 5}, {3, 3}}}) {
      const std::vector<Segment> segments = layout(lengths);
      const int64_t rows = segments.back().query_end, count = static_cast<int64_t>(segments.size());
      compare(1e-5, {random_matrix(rows, 13), random_matrix(rows, 29), random_matrix(count, 13 * 29)}, {},
              [&](Ops& ops, const Tensors& t, Ids) { ops.segment_outer(t[0], t[1], segments, t[2]); });
      for (const int queries : {1, 7})
        compare(1e-5,
                {random_matrix(rows, 13), random_matrix(rows, 29), random_matrix(queries, 13 * 29),
                 random_matrix(count, queries)},
                {}, [&](Ops& ops, const Tensors& t, Ids) { ops.segment_scores(t[0], t[1], segments, t[2], t[3]); });
      for (const int64_t together : {1, 3, 100})
        compare(1e-5,
                {random_matrix(rows, 13), random_matrix(rows, 29), random_matrix(7 * 3, 13), random_matrix(7 * 3, 29),
                 random_matrix(count, 7)},
                {}, [&](Ops& ops, const Tensors& t, Ids) {
                  LowRankScores scores(ops.device() == "cpu" ? cpu : cuda, together * 13 * 29);
                  scores.add(t[0], t[1], segments, t[2], t[3], t[4]);
                });
      compare(1e-5, {random_matrix(rows, 13), random_matrix(rows, 29), positive_matrix(1, 13 * 29)}, {},
              [&](Ops& ops, const Tensors& t, Ids) { ops.segment_squares(t[0], t[1], segments, t[2]); });
    }
  }
};

QTEST_GUILESS_MAIN(CudaProductsTest)
#include "products_test.moc"

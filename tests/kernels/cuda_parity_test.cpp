// Every operation on CUDA against its CPU twin, on the same random numbers in odd shapes. A tolerance is the largest
// difference over the largest magnitude of the matrix. CUDA runs twice: the same call must give the same bits.
#include <QtTest>
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>
#include <random>
#include <vector>

#include "kernels/ops.h"

using namespace stemma;

namespace {

struct Matrix {
  int64_t rows, columns;
  std::vector<float> values;
};

std::mt19937 generator(1);

Matrix random_matrix(int64_t rows, int64_t columns, float scale = 1) {
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

using Tensors = std::vector<Tensor>;
using Matrices = std::vector<std::vector<float>>;
using Operation = std::function<void(Ops&, const Tensors&, Ids)>;

struct Result {
  Matrices matrices;
  std::vector<int32_t> ids;
};

// Uploads all, runs, and downloads all again: what an operation must leave alone is compared too.
Result run(const std::shared_ptr<Ops>& ops, const std::vector<Matrix>& inputs, const std::vector<int32_t>& ids,
           const Operation& operation) {
  std::vector<Buffer> buffers;
  Tensors tensors;
  for (const Matrix& input : inputs) {
    buffers.emplace_back(ops, input.rows, input.columns);
    buffers.back().upload(input.values.data());
    tensors.push_back(buffers.back());
  }
  IdBuffer id_buffer(ops, static_cast<int64_t>(ids.size()), 1);
  id_buffer.upload(ids.data());
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

double relative_difference(const std::vector<float>& expected, const std::vector<float>& found) {
  double largest = 1e-30, difference = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (std::isnan(expected[i]) || std::isnan(found[i])) return INFINITY;
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    difference = std::max(difference, std::abs(static_cast<double>(expected[i]) - found[i]));
  }
  return difference / largest;
}

// Segments with the given numbers of (queries, keys), and rows between them that belong to none.
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

}  // namespace

class CudaParityTest : public QObject {
  Q_OBJECT

 private:
  std::shared_ptr<Ops> cpu_, cuda_;

  void compare(double tolerance, const std::vector<Matrix>& inputs, const std::vector<int32_t>& ids,
               const Operation& operation) {
    const Result expected = run(cpu_, inputs, ids, operation), found = run(cuda_, inputs, ids, operation),
                 again = run(cuda_, inputs, ids, operation);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const double difference = relative_difference(expected.matrices[i], found.matrices[i]);
      QVERIFY2(difference <= tolerance, qPrintable(QString("matrix %1 (%2 x %3): %4 > %5")
                                                       .arg(i)
                                                       .arg(inputs[i].rows)
                                                       .arg(inputs[i].columns)
                                                       .arg(difference)
                                                       .arg(tolerance)));
      QVERIFY2(found.matrices[i] == again.matrices[i],
               qPrintable(QString("matrix %1 differs between two runs").arg(i)));
    }
    QCOMPARE(found.ids, expected.ids);
  }

 private slots:
  void initTestCase() {
    std::string why;
    cpu_ = make_cpu_ops();
    cuda_ = make_cuda_ops(0, why);
    if (!cuda_) QSKIP(qPrintable(QString::fromStdString("skipped: no CUDA device: " + why)));
    qInfo("%s", cuda_->device().c_str());
  }
  void init() { generator.seed(1); }

  void a_device_that_does_not_exist_is_refused() {
    std::string why;
    QVERIFY(!make_cuda_ops(4096, why));
    QVERIFY(!why.empty());
  }

  void memory() {
    const Matrix from = random_matrix(13, 7);
    Buffer a(cuda_, 13, 7), b(cuda_, 13, 7), none(cuda_, 0, 7);
    a.upload(from.values.data());
    b.zero();
    none.zero();
    cuda_->copy(b.view().row(5), a.view().row(2), 3 * 7 * sizeof(float));
    std::vector<float> found(13 * 7), expected(13 * 7);
    std::copy_n(from.values.begin() + 2 * 7, 3 * 7, expected.begin() + 5 * 7);
    b.download(found.data());
    QCOMPARE(found, expected);
  }

  void memory_that_cannot_be_had() {
    QVERIFY_THROWS_EXCEPTION(std::runtime_error, cuda_->allocate(size_t{1} << 50));
    memory();  // and the device still works
  }

  void embed() {
    for (const auto& [rows, width, vocabulary] : {std::array{53, 75, 37}, {700, 33, 5}, {1, 1030, 9}})
      compare(0, {random_matrix(vocabulary, width), random_matrix(rows, width)}, random_ids(rows, vocabulary),
              [](Ops& ops, const Tensors& t, Ids ids) { ops.embed(ids, t[0], t[1]); });
  }

  void embed_backward() {
    for (const auto& [rows, width, vocabulary] : {std::array{53, 75, 37}, {700, 33, 5}, {1, 1030, 9}})
      compare(1e-5, {random_matrix(rows, width), random_matrix(vocabulary, width)}, random_ids(rows, vocabulary),
              [](Ops& ops, const Tensors& t, Ids ids) { ops.embed_backward(ids, t[0], t[1]); });
  }

  void rms_norm() {
    for (const auto& [rows, width] : {std::pair{5, 7}, {67, 333}, {300, 2050}, {1, 5000}})
      for (const float scale : {1e-3f, 1.f, 1e3f}) {
        const Matrix x = random_matrix(rows, width, scale), weight = random_matrix(1, width);
        compare(1e-5, {x, weight, random_matrix(rows, width), random_matrix(rows, 1)}, {},
                [](Ops& ops, const Tensors& t, Ids) { ops.rms_norm(t[0], t[1], 1e-6f, t[2], t[3]); });
        compare(3e-5,
                {x, weight, random_matrix(rows, width), random_matrix(rows, 1), random_matrix(rows, width),
                 random_matrix(rows, width), random_matrix(1, width)},
                {}, [](Ops& ops, const Tensors& t, Ids) {
                  ops.rms_norm(t[0], t[1], 1e-6f, t[2], t[3]);
                  ops.rms_norm_backward(t[0], t[1], t[3], t[4], t[5], t[6]);
                });
      }
  }

  void rms_norm_backward_without_weight_gradient() {
    compare(
        3e-5,
        {random_matrix(9, 65), random_matrix(1, 65), positive_matrix(9, 1), random_matrix(9, 65), random_matrix(9, 65)},
        {}, [](Ops& ops, const Tensors& t, Ids) { ops.rms_norm_backward(t[0], t[1], t[2], t[3], t[4], {}); });
  }

  void rope() {
    for (const auto& [rows, heads, width] : {std::array{37, 3, 10}, {5, 1, 2}, {130, 7, 128}})
      for (const Rotation rotation : {Rotation::forward, Rotation::inverse})
        compare(1e-6, {random_matrix(rows, heads * width), random_matrix(50, width)}, random_ids(rows, 50),
                [rotation, width = width](Ops& ops, const Tensors& t, Ids ids) {
                  ops.rope(t[0], ids, t[1], width, rotation);
                });
  }

  void attention_data() {
    QTest::addColumn<int>("query_heads");
    QTest::addColumn<int>("key_heads");
    QTest::addColumn<int>("width");
    QTest::addColumn<int>("shape");
    for (const auto& [heads, groups, width] :
         {std::array{4, 2, 6}, {3, 3, 33}, {2, 1, 64}, {6, 2, 80}, {2, 2, 128}, {3, 1, 200}, {2, 1, 256}})
      for (int shape = 0; shape < 5; ++shape)
        QTest::addRow("%d heads, %d groups, width %d, shape %d", heads, groups, width, shape)
            << heads << groups << width << shape;
  }

  void attention() {
    QFETCH(int, query_heads);
    QFETCH(int, key_heads);
    QFETCH(int, width);
    QFETCH(int, shape);
    const std::vector<std::vector<std::pair<int, int>>> shapes{
        {{1, 1}},                                             // the first token
        {{1, 77}, {3, 200}, {15, 31}},                        // steps with a cache
        {{70, 70}, {1, 1}, {129, 129}, {17, 17}},             // documents
        {{33, 80}, {64, 64}, {1, 150}, {100, 131}},           // pieces of a prompt behind a cache
        {{16, 16}, {32, 32}, {64, 64}, {63, 63}, {65, 65}}};  // edges of tiles
    const std::vector<Segment> segments = layout(shapes[shape]);
    const Heads heads{query_heads, key_heads, width};
    const int64_t queries = segments.back().query_end + 3, keys = segments.back().key_end + 1;
    const int64_t query_width = query_heads * width, key_width = key_heads * width;
    compare(
        3e-5,
        {random_matrix(queries, query_width), random_matrix(keys, key_width), random_matrix(keys, key_width),
         random_matrix(queries, query_width), random_matrix(queries, query_heads), random_matrix(queries, query_width),
         random_matrix(queries, query_width), random_matrix(keys, key_width), random_matrix(keys, key_width)},
        {}, [&](Ops& ops, const Tensors& t, Ids) {
          ops.attention(t[0], t[1], t[2], segments, heads, t[3], t[4]);
          ops.attention_backward(t[0], t[1], t[2], t[3], t[4], t[5], segments, heads, t[6], t[7], t[8]);
        });
  }

  void attention_of_texts_that_lie_apart() {
    const Heads heads{4, 2, 33};
    const std::vector<Segment> segments = {{0, 1, 0, 90}, {1, 2, 0, 90}, {2, 22, 0, 41}};
    compare(3e-5,
            {random_matrix(22, 132), random_matrix(90, 66), random_matrix(90, 66), random_matrix(95, 66),
             random_matrix(95, 66), random_matrix(41, 66), random_matrix(41, 66), random_matrix(22, 132),
             random_matrix(22, 4)},
            {}, [&](Ops& ops, const Tensors& t, Ids) {
              const Ops::Text texts[] = {{t[1], t[2]}, {t[3], t[4]}, {t[5], t[6]}};
              ops.attention(t[0], texts, segments, heads, t[7], t[8]);
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

  void attention_of_large_scores() {
    const std::vector<Segment> segments = layout({{50, 50}, {2, 90}});
    for (const std::vector<Segment>& part : {segments, {segments[1]}})
      compare(1e-4,
              {random_matrix(60, 48, 20), random_matrix(160, 48, 20), random_matrix(160, 48), random_matrix(60, 48),
               random_matrix(60, 2)},
              {}, [&](Ops& ops, const Tensors& t, Ids) {
                ops.attention(t[0], t[1], t[2], part, {2, 2, 24}, t[3], t[4]);
              });
  }

  void attention_without_segments() {
    compare(0,
            {random_matrix(3, 8), random_matrix(3, 8), random_matrix(3, 8), random_matrix(3, 8), random_matrix(3, 1)},
            {}, [](Ops& ops, const Tensors& t, Ids) {
              ops.attention(t[0], t[1], t[2], {}, {1, 1, 8}, t[3], t[4]);
            });
  }

  void heads_that_are_too_wide_are_refused() {
    const std::vector<Segment> segments{{0, 1, 0, 1}};
    Buffer x(cuda_, 1, 512), sum(cuda_, 1, 1);
    QVERIFY_THROWS_EXCEPTION(std::runtime_error, cuda_->attention(x, x, x, segments, {1, 1, 512}, x, sum));
  }

  void swiglu() {
    for (const float scale : {1.f, 50.f})
      compare(1e-5,
              {random_matrix(31, 77, scale), random_matrix(31, 77), random_matrix(31, 77), random_matrix(31, 77),
               random_matrix(31, 77)},
              {}, [](Ops& ops, const Tensors& t, Ids) {
                ops.swiglu(t[0], t[1], t[2]);
                ops.swiglu_backward(t[0], t[1], t[2], t[3], t[4]);
              });
  }

  void layer_norm() {
    for (const auto& [rows, width] : {std::pair{5, 7}, {67, 333}, {300, 2050}})
      for (const bool plain : {false, true})
        compare(3e-5,
                {random_matrix(rows, width), random_matrix(1, width), random_matrix(1, width), random_matrix(rows, width),
                 random_matrix(rows, 2), random_matrix(rows, width), random_matrix(rows, width), random_matrix(1, width),
                 random_matrix(1, width)},
                {}, [plain](Ops& ops, const Tensors& t, Ids) {
                  const Tensor weight = plain ? Tensor{} : t[1], bias = plain ? Tensor{} : t[2];
                  ops.layer_norm(t[0], weight, bias, 1e-5f, t[3], t[4]);
                  ops.layer_norm_backward(t[0], weight, t[4], t[5], t[6], plain ? Tensor{} : t[7], plain ? Tensor{} : t[8]);
                });
  }

  void rope_of_part_of_a_head() {
    for (const Rotation rotation : {Rotation::forward, Rotation::inverse})
      compare(1e-6, {random_matrix(37, 3 * 20), random_matrix(50, 6)}, random_ids(37, 50),
              [rotation](Ops& ops, const Tensors& t, Ids ids) { ops.rope(t[0], ids, t[1], 20, rotation); });
  }

  void attention_with_window_scale_and_cap() {
    for (const int width : {16, 80, 256})
      for (const int window : {0, 1, 20, 70})
        for (const float cap : {0.f, 3.f})
          for (const auto& lengths : std::vector<std::vector<std::pair<int, int>>>{
                   {{1, 77}, {3, 200}}, {{70, 70}, {1, 1}, {129, 129}}, {{33, 80}, {64, 64}, {1, 150}, {100, 131}}}) {
            const std::vector<Segment> segments = layout(lengths);
            const Heads heads{4, 2, width, 0.2f, cap, window};
            const int64_t queries = segments.back().query_end + 3, keys = segments.back().key_end + 1;
            const int64_t query_width = 4 * width, key_width = 2 * width;
            compare(5e-5,
                    {random_matrix(queries, query_width), random_matrix(keys, key_width), random_matrix(keys, key_width),
                     random_matrix(queries, query_width), random_matrix(queries, 4), random_matrix(queries, query_width),
                     random_matrix(queries, query_width), random_matrix(keys, key_width), random_matrix(keys, key_width)},
                    {}, [&](Ops& ops, const Tensors& t, Ids) {
                      ops.attention(t[0], t[1], t[2], segments, heads, t[3], t[4]);
                      ops.attention_backward(t[0], t[1], t[2], t[3], t[4], t[5], segments, heads, t[6], t[7], t[8]);
                    });
          }
  }

  void attention_means() {
    const std::vector<int32_t> bounds{0, 5, 6, 40, 130, 150};
    for (const int width : {16, 80, 256})
      for (const int window : {0, 20})
        for (const float cap : {0.f, 3.f})
          for (const int queries : {1, 61, 150}) {
            const Heads heads{4, 2, width, 0.2f, cap, window};
            const Segment segment{0, queries, 0, 150};
            compare(5e-5,
                    {random_matrix(queries, 4 * width), random_matrix(150, 2 * width), random_matrix(queries, 4 * width),
                     random_matrix(queries, 4), random_matrix(4 * 5, 5)},
                    bounds, [&](Ops& ops, const Tensors& t, Ids ids) {
                      ops.attention(t[0], t[1], t[1], std::span(&segment, 1), heads, t[2], t[3]);
                      ops.attention_means(t[0], t[1], t[3], ids, heads, t[4]);
                    });
          }
  }

  void attention_weights() {
    for (const int width : {16, 80, 256})
      for (const int window : {0, 20})
        for (const float cap : {0.f, 3.f})
          for (const int keys : {1, 19, 300})
            compare(5e-5, {random_matrix(1, 4 * width), random_matrix(keys, 2 * width), random_matrix(4, keys)}, {},
                    [&](Ops& ops, const Tensors& t, Ids) {
                      ops.attention_weights(t[0], t[1], {4, 2, width, 0.2f, cap, window}, t[2]);
                    });
  }

  void gelu() {
    for (const Gelu kind : {Gelu::exact, Gelu::tanh})
      for (const bool gated : {false, true})
        compare(1e-5,
                {random_matrix(31, 77, 3), random_matrix(31, 77), random_matrix(31, 77), random_matrix(31, 77),
                 random_matrix(31, 77), random_matrix(31, 77)},
                {}, [kind, gated](Ops& ops, const Tensors& t, Ids) {
                  const Tensor up = gated ? t[1] : Tensor{};
                  ops.gelu(kind, t[0], up, t[2]);
                  ops.gelu_backward(kind, t[0], up, t[3], t[4], gated ? t[5] : Tensor{});
                });
  }

  void tangents() {
    for (const auto& [rows, width] : {std::pair{5, 7}, {67, 333}, {300, 2050}})
      for (const bool plain : {false, true})
        compare(3e-5,
                {random_matrix(rows, width), random_matrix(1, width), positive_matrix(rows, 1),
                 random_matrix(rows, 2), random_matrix(rows, width), random_matrix(rows, width),
                 random_matrix(rows, width)},
                {}, [plain](Ops& ops, const Tensors& t, Ids) {
                  ops.rms_norm_tangent(t[0], t[1], t[2], t[4], t[5]);
                  ops.layer_norm_tangent(t[0], plain ? Tensor{} : t[1], t[3], t[4], t[6]);
                  ops.rms_norm_tangent(t[0], t[1], t[2], t[4], t[4]);
                });
    for (const Gelu kind : {Gelu::exact, Gelu::tanh})
      compare(1e-5,
              {random_matrix(31, 77, 3), random_matrix(31, 77), random_matrix(31, 77), random_matrix(31, 77),
               random_matrix(31, 77), random_matrix(31, 77), random_matrix(31, 77)},
              {}, [kind](Ops& ops, const Tensors& t, Ids) {
                ops.gelu_tangent(kind, t[0], t[1], t[2], t[3], t[4]);
                ops.gelu_tangent(kind, t[0], {}, t[2], {}, t[5]);
                ops.swiglu_tangent(t[0], t[1], t[2], t[3], t[6]);
              });
    for (const int width : {16, 80, 256})
      for (const int window : {0, 1, 20})
        for (const float cap : {0.f, 3.f})
          for (const auto& lengths : std::vector<std::vector<std::pair<int, int>>>{
                   {{70, 70}, {1, 1}, {129, 129}}, {{33, 80}, {64, 64}, {1, 150}, {100, 131}}}) {
            const std::vector<Segment> segments = layout(lengths);
            const Heads heads{4, 2, width, 0.2f, cap, window};
            const int64_t queries = segments.back().query_end + 3, keys = segments.back().key_end + 1;
            const auto of_queries = [&] { return random_matrix(queries, 4 * width); };
            const auto of_keys = [&] { return random_matrix(keys, 2 * width); };
            compare(5e-5,
                    {of_queries(), of_keys(), of_keys(), of_queries(), random_matrix(queries, 4), of_queries(),
                     of_keys(), of_keys(), of_queries()},
                    {}, [&](Ops& ops, const Tensors& t, Ids) {
                      ops.attention(t[0], t[1], t[2], segments, heads, t[3], t[4]);
                      ops.attention_tangent(t[0], t[1], t[2], t[4], t[5], t[6], t[7], segments, heads, t[8]);
                    });
          }
  }

  void elementwise() {
    compare(1e-5, {random_matrix(1, 133), random_matrix(61, 133), random_matrix(1, 133)}, {},
            [](Ops& ops, const Tensors& t, Ids) {
              ops.add_bias(t[0], t[1]);
              ops.add_bias_backward(t[1], t[2]);
            });
    compare(1e-5, {random_matrix(61, 133, 20), random_matrix(61, 133)}, {}, [](Ops& ops, const Tensors& t, Ids) {
      ops.soft_cap(t[0], 15);
      ops.soft_cap_backward(t[0], 15, t[1]);
    });
    compare(0, {random_matrix(61, 133), random_matrix(61, 133)}, {}, [](Ops& ops, const Tensors& t, Ids) {
      ops.clip(t[0], 0.7f);
      ops.clip_backward(t[0], 0.7f, t[1]);
    });
  }

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

  void segment_outer() {
    for (const auto& lengths : std::vector<std::vector<std::pair<int, int>>>{
             {{9, 9}}, {{4, 4}, {4, 4}, {4, 4}}, {{3, 3}, {3, 3}, {70, 70}, {1, 1}, {1, 1}, {0, 0}, {5, 5}, {3, 3}}}) {
      const std::vector<Segment> segments = layout(lengths);
      const int64_t rows = segments.back().query_end, count = static_cast<int64_t>(segments.size());
      compare(1e-5, {random_matrix(rows, 13), random_matrix(rows, 29), random_matrix(count, 13 * 29)}, {},
              [&](Ops& ops, const Tensors& t, Ids) { ops.segment_outer(t[0], t[1], segments, t[2]); });
      for (const int queries : {1, 7})
        compare(1e-5, {random_matrix(rows, 13), random_matrix(rows, 29), random_matrix(queries, 13 * 29), random_matrix(count, queries)}, {},
                [&](Ops& ops, const Tensors& t, Ids) { ops.segment_scores(t[0], t[1], segments, t[2], t[3]); });
      compare(1e-5, {random_matrix(rows, 13), random_matrix(rows, 29), positive_matrix(1, 13 * 29)}, {},
              [&](Ops& ops, const Tensors& t, Ids) { ops.segment_squares(t[0], t[1], segments, t[2]); });
    }
  }

  void gram() {
    compare(1e-5, {random_matrix(70, 37), random_matrix(37, 37)}, {}, [](Ops& ops, const Tensors& t, Ids) {
      ops.gram(t[0], t[1]);
      for (int64_t i = 1; i < 37; ++i) ops.zero(t[1].row(i), sizeof(float) * static_cast<size_t>(i));  // undefined
    });
  }

  void add() {
    compare(1e-6, {random_matrix(61, 43), random_matrix(61, 43)}, {},
            [](Ops& ops, const Tensors& t, Ids) { ops.add(t[0], t[1], -0.3f); });
  }

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
    for (const auto& [rows, vocabulary] : {std::pair{400, 3}, {300, 777}, {50, 40009}}) {
      std::vector<int32_t> targets = random_ids(rows, vocabulary);
      targets[2] = -1;
      Matrix uniforms{rows, 1, std::vector<float>(static_cast<size_t>(rows))};
      for (float& value : uniforms.values) value = std::uniform_real_distribution<float>()(generator);
      uniforms.values[0] = 0;
      uniforms.values[1] = std::nextafter(1.f, 0.f);
      const Matrix logits = random_matrix(rows, vocabulary, 2);
      const Operation draw = [](Ops& ops, const Tensors& t, Ids ids) { ops.sample_targets(t[0], t[1], ids); };
      const Result expected = run(cpu_, {logits, uniforms}, targets, draw);
      const Result found = run(cuda_, {logits, uniforms}, targets, draw);
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
      run(cuda_, {x}, {}, [&](Ops& ops, const Tensors& t, Ids) {
        const double found = ops.sum_of_squares(t[0]);
        QVERIFY(std::abs(found - exact) <= 1e-12 * exact);
        QVERIFY(found == ops.sum_of_squares(t[0]));
      });
      run(cpu_, {x}, {}, [&](Ops& ops, const Tensors& t, Ids) {
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
      std::vector<int32_t> places;  // pieces of single numbers, on a ring of seven
      for (int64_t p = 0; p < columns; ++p) places.push_back(static_cast<int32_t>(p * 5 % 14) - 7);
      compare(1e-5, {random_matrix(rows, columns), random_matrix(rows, 7)}, places,
              [](Ops& ops, const Tensors& t, Ids ids) { ops.fold(t[0], ids, t[1]); });
    }
  }
};

QTEST_GUILESS_MAIN(CudaParityTest)
#include "cuda_parity_test.moc"

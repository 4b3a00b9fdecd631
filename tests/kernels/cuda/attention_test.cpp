// Attention, its gradients, and its weights by tokens and by steps.
#include <bit>

#include "kernels/half.h"
#include "tests/kernels/cuda/parity.h"

using namespace stemma;
using namespace stemma::parity;

class CudaAttentionTest : public QObject, Parity {
  Q_OBJECT

 private:
  static void round(Matrix& matrix) {
    for (float& value : matrix.values) value = std::bit_cast<float>(uint32_t{bf16_of(value)} << 16);
  }
  MatrixBuffer kept(Ops& ops, Tensor x, WeightType type) const {
    MatrixBuffer rounded(&ops == cpu.get() ? cpu : cuda, type, x.rows, x.columns);
    ops.round(x, rounded);
    return rounded;
  }
  void compare_attention(double tolerance, const std::vector<Segment>& segments, const Heads& heads) {
    const int64_t queries = segments.back().query_end + 3, keys = segments.back().key_end + 1;
    const int64_t query_width = heads.query * heads.width, key_width = heads.key_value * heads.width;
    compare(
        tolerance,
        {random_matrix(queries, query_width), random_matrix(keys, key_width), random_matrix(keys, key_width),
         random_matrix(queries, query_width), random_matrix(queries, heads.query), random_matrix(queries, query_width),
         random_matrix(queries, query_width), random_matrix(keys, key_width), random_matrix(keys, key_width)},
        {}, [&](Ops& ops, const Tensors& t, Ids) {
          ops.attention(t[0], t[1], t[2], segments, heads, t[3], t[4]);
          ops.attention_backward(t[0], t[1], t[2], t[3], t[4], t[5], segments, heads, t[6], t[7], t[8]);
        });
  }

 private slots:
  void initTestCase() { open(); }
  void init() { generator.seed(1); }

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
    compare_attention(3e-5, segments, {query_heads, key_heads, width});
  }

  void attention_with_window_scale_and_cap() {
    for (const int width : {16, 80, 256})
      for (const auto& [window, cap] : {std::pair{0, 3.f}, {1, 0.f}, {20, 3.f}, {70, 0.f}})
        for (const auto& lengths : std::vector<std::vector<std::pair<int, int>>>{
                 {{1, 77}, {3, 200}}, {{70, 70}, {1, 1}, {129, 129}}, {{33, 80}, {64, 64}, {1, 150}, {100, 131}}})
          compare_attention(5e-5, layout(lengths), {4, 2, width, 0.2f, cap, window});
  }

  // q, k and v that bf16 holds lose nothing, so that what is left is the rounding of weights, by 2^-9 of each: z is off
  // by no more than 2^-9 of the largest v. Others give the bits of what they round to.
  void attention_that_is_rounded() {
    for (const auto& [width, window, cap] :
         {std::tuple{16, 0, 0.f}, {33, 20, 3.f}, {64, 0, 0.f}, {128, 70, 0.f}, {200, 0, 3.f}, {256, 1, 0.f}})
      for (const auto& lengths : std::vector<std::vector<std::pair<int, int>>>{
               {{16, 16}, {3, 200}, {129, 129}}, {{33, 80}, {1, 150}, {0, 5}, {64, 90}}}) {
        const std::vector<Segment> segments = layout(lengths);
        const int64_t queries = segments.back().query_end + 3, keys = segments.back().key_end + 1;
        std::vector<Matrix> inputs{random_matrix(queries, 2 * width), random_matrix(keys, width),
                                   random_matrix(keys, width), random_matrix(queries, 2 * width),
                                   random_matrix(queries, 2)};
        const auto attend = [&, width = width, window = window, cap = cap](Ops& ops, const Tensors& t, Ids) {
          ops.attention(t[0], t[1], t[2], segments, {2, 1, width, 0.2f, cap, window, true}, t[3], t[4]);
        };
        const Result found = run(cuda, inputs, {}, attend);
        for (size_t i = 0; i < 3; ++i) round(inputs[i]);
        const Result exact = run(cpu, inputs, {}, attend), again = run(cuda, inputs, {}, attend);
        QVERIFY(found.matrices[3] == again.matrices[3] && found.matrices[4] == again.matrices[4]);
        float largest = 0, off = 0;
        for (const float value : inputs[2].values) largest = std::max(largest, std::abs(value));
        for (size_t i = 0; i < exact.matrices[3].size(); ++i)
          off = std::max(off, std::abs(exact.matrices[3][i] - found.matrices[3][i]));
        QVERIFY2(off <= largest * (0x1p-9f + 1e-5f), qPrintable(QString("%1 of %2").arg(off).arg(largest)));
        const double sums_off = test::difference(found.matrices[4], exact.matrices[4]);
        QVERIFY2(sums_off <= 1e-5, qPrintable(QString::number(sums_off)));
      }
  }

  // As above; gradients are sums of what is rounded, one factor of each by 2^-9, of signs that do not agree.
  void backward_that_is_rounded() {
    for (const auto& [width, window, cap] : {std::tuple{33, 20, 3.f}, {64, 0, 0.f}, {128, 70, 0.f}, {256, 0, 3.f}}) {
      const std::vector<Segment> segments = layout({{33, 80}, {1, 70}, {0, 5}, {70, 70}});
      const int64_t queries = segments.back().query_end + 3, keys = segments.back().key_end + 1;
      std::vector<Matrix> inputs;
      for (const int64_t wide : {queries, keys, keys, queries, queries, queries, keys, keys})  // all but log_sum
        inputs.push_back(random_matrix(wide, (wide == queries ? 2 : 1) * width));
      inputs.push_back(random_matrix(queries, 2));
      const auto attend = [&, width = width, window = window, cap = cap](Ops& ops, const Tensors& t, Ids) {
        const Heads heads{2, 1, width, 0.2f, cap, window, true};
        ops.attention(t[0], t[1], t[2], segments, heads, t[4], t[8]);
        ops.attention_backward(t[0], t[1], t[2], t[4], t[8], t[3], segments, heads, t[5], t[6], t[7]);
      };
      const Result found = run(cuda, inputs, {}, attend);
      for (size_t i = 0; i < 4; ++i) round(inputs[i]);
      const Result exact = run(cpu, inputs, {}, attend), again = run(cuda, inputs, {}, attend);
      for (const size_t i : {5, 6, 7}) {
        QVERIFY(found.matrices[i] == again.matrices[i]);
        const double off = test::difference(found.matrices[i], exact.matrices[i]);
        qInfo("width %d, matrix %zu: %.1e", width, i, off);
        QVERIFY2(off <= 0x1p-8 && off > 1e-5, qPrintable(QString::number(off)));
      }
    }
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

  // What 16 bits hold, read as it lies: q in bf16 too, so that where both round it nothing is lost. Of bf16 and many
  // queries the weights are rounded, by 2^-9 of each.
  void keys_and_values_of_16_bits() {
    for (const WeightType type : {WeightType::bf16, WeightType::f16})
      for (const auto& [width, window, cap] : {std::tuple{33, 0, 0.f}, {64, 20, 3.f}, {256, 0, 0.f}})
        for (const bool many : {false, true}) {
          const Heads heads{4, 2, width, 0, cap, window, many};
          const std::vector<Segment> segments = many ? layout({{40, 90}, {130, 130}}) : layout({{1, 77}, {3, 200}});
          const int64_t queries = segments.back().query_end + 1, keys = segments.back().key_end;
          std::vector<Matrix> inputs{random_matrix(queries, 4 * width), random_matrix(keys, 2 * width),
                                     random_matrix(keys, 2 * width), random_matrix(queries, 4 * width),
                                     random_matrix(queries, 4)};
          round(inputs[0]);
          compare(many ? 2e-2 : 3e-5, inputs, {}, [&](Ops& ops, const Tensors& t, Ids) {
            const MatrixBuffer k = kept(ops, t[1], type), v = kept(ops, t[2], type);
            ops.attention(t[0], k, v, segments, heads, t[3], t[4]);
          });
          const int rows = many ? 61 : 1;  // of one text
          const std::vector<int32_t> bounds{0, 5, 6, 40, 70, 77};
          std::vector<Matrix> text{random_matrix(rows, 4 * width), random_matrix(77, 2 * width),
                                   random_matrix(rows, 4 * width), random_matrix(rows, 4), random_matrix(4 * 5, 5),
                                   random_matrix(4, 77)};
          round(text[0]);
          const Segment segment{0, rows, 0, 77};
          compare(many ? 2e-2 : 5e-5, text, bounds, [&](Ops& ops, const Tensors& t, Ids ids) {
            const MatrixBuffer k = kept(ops, t[1], type);
            ops.attention(t[0], k, k, std::span(&segment, 1), heads, t[2], t[3]);
            ops.attention_means(t[0], k, t[3], ids, heads, t[4]);
            ops.attention_weights(t[0].slice(rows - 1, rows), k, heads, t[5]);
          });
        }
  }

  void attention_step_in_16_bits() {
    for (const WeightType type : {WeightType::bf16, WeightType::f16})
      for (const int width : {33, 64, 200}) {
        const std::vector<int32_t> places{3, 0, 300};  // the last is more than one block's
        std::vector<Matrix> inputs{random_matrix(3, 4 * width), random_matrix(3, 2 * width),
                                   random_matrix(3, 2 * width), random_matrix(3, 4 * width), random_matrix(3, 4)};
        round(inputs[0]);
        for (const int32_t place : places)
          for (int both = 0; both < 2; ++both) inputs.push_back(random_matrix(place + 2, 2 * width));
        compare(3e-5, inputs, places, [&](Ops& ops, const Tensors& t, Ids ids) {
          std::vector<MatrixBuffer> memory;
          for (size_t i = 5; i < t.size(); ++i) memory.push_back(kept(ops, t[i], type));
          std::vector<Ops::Text> texts;
          for (size_t i = 0; i < memory.size(); i += 2) texts.push_back({memory[i], memory[i + 1]});
          ops.attention_step(t[0], t[1], t[2], ids, texts, {4, 2, width}, t[3], t[4]);
        });
      }
  }

  // More texts than one launch takes, as long as they come.
  void attention_step() {
    for (const auto& [width, window, cap] : {std::tuple{33, 0, 0.f}, {64, 20, 3.f}, {80, 1, 0.f}, {256, 0, 0.f}})
      for (const int64_t count : {1, 3, 70}) {
        const Heads heads{4, 2, width, 0, cap, window};
        std::vector<int32_t> places;
        std::vector<Matrix> inputs{random_matrix(count, 4 * width), random_matrix(count, 2 * width),
                                   random_matrix(count, 2 * width), random_matrix(count, 4 * width),
                                   random_matrix(count, 4)};
        for (int64_t i = 0; i < count; ++i) {
          places.push_back(i == 1 ? 0 : static_cast<int32_t>(generator() % 100));
          for (int both = 0; both < 2; ++both) inputs.push_back(random_matrix(places.back() + 2, 2 * width));
        }
        compare(3e-5, inputs, places, [&](Ops& ops, const Tensors& t, Ids ids) {
          std::vector<Ops::Text> texts;
          for (size_t i = 5; i < t.size(); i += 2) texts.push_back({matrix_of(t[i]), matrix_of(t[i + 1])});
          ops.attention_step(t[0], t[1], t[2], ids, texts, heads, t[3], t[4]);
        });
      }
  }

  // Texts longer than what one block takes; each has the bits that it has alone, in a room of its own length.
  void attention_step_of_long_texts() {
    const std::vector<int32_t> places{0, 255, 256, 700};
    const auto count = static_cast<int64_t>(places.size());
    for (const auto& [width, window] : {std::pair{33, 0}, {128, 300}}) {
      const Heads heads{2, 1, width, 0, 0, window};
      std::vector<Matrix> inputs{random_matrix(count, 2 * width), random_matrix(count, width),
                                 random_matrix(count, width), random_matrix(count, 2 * width), random_matrix(count, 2)};
      for (const int32_t place : places)
        for (int both = 0; both < 2; ++both) inputs.push_back(random_matrix(place + 2, width));
      const auto step = [&](Ops& ops, const Tensors& t, Ids ids) {
        std::vector<Ops::Text> texts;
        for (size_t i = 5; i < t.size(); i += 2) texts.push_back({matrix_of(t[i]), matrix_of(t[i + 1])});
        ops.attention_step(t[0], t[1], t[2], ids, texts, heads, t[3], t[4]);
      };
      compare(3e-5, inputs, places, step);
      const Result together = run(cuda, inputs, places, step);
      for (size_t i = 0; i < places.size(); ++i) {
        const auto row = [&](size_t m) {
          const auto from = inputs[m].values.begin() + static_cast<int64_t>(i) * inputs[m].columns;
          return Matrix{1, inputs[m].columns, {from, from + inputs[m].columns}};
        };
        const Result alone = run(cuda, {row(0), row(1), row(2), row(3), row(4), inputs[5 + 2 * i], inputs[6 + 2 * i]},
                                 {places[i]}, step);
        QVERIFY(std::equal(alone.matrices[3].begin(), alone.matrices[3].end(),
                           together.matrices[3].begin() + static_cast<int64_t>(i) * 2 * width));
      }
    }
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
    Buffer x(cuda, 1, 512), sum(cuda, 1, 1);
    QVERIFY_THROWS_EXCEPTION(std::runtime_error, cuda->attention(x, x, x, segments, {1, 1, 512}, x, sum));
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
                    {random_matrix(queries, 4 * width), random_matrix(150, 2 * width),
                     random_matrix(queries, 4 * width), random_matrix(queries, 4), random_matrix(4 * 5, 5)},
                    bounds, [&](Ops& ops, const Tensors& t, Ids ids) {
                      ops.attention(t[0], t[1], t[1], std::span(&segment, 1), heads, t[2], t[3]);
                      ops.attention_means(t[0], matrix_of(t[1]), t[3], ids, heads, t[4]);
                    });
          }
  }

  // The weights are of what attention rounded, as the sums of exponents are: rows still sum to 1.
  void attention_means_of_what_is_rounded() {
    const std::vector<int32_t> bounds{0, 5, 6, 40, 130, 150};
    for (const int width : {16, 80, 256})
      for (const int queries : {1, 61, 150}) {
        const Segment segment{0, queries, 0, 150};
        const auto measure = [&](Ops& ops, const Tensors& t, Ids ids) {
          const Heads heads{4, 2, width, 0, 0, 0, true};
          ops.attention(t[0], t[1], t[1], std::span(&segment, 1), heads, t[2], t[3]);
          ops.attention_means(t[0], matrix_of(t[1]), t[3], ids, heads, t[4]);
        };
        std::vector<Matrix> inputs{random_matrix(queries, 4 * width, 3), random_matrix(150, 2 * width),
                                   random_matrix(queries, 4 * width), random_matrix(queries, 4),
                                   random_matrix(4 * 5, 5)};
        const Result found = run(cuda, inputs, bounds, measure);
        if (queries > 1) round(inputs[0]), round(inputs[1]);
        const double off = test::difference(found.matrices[4], run(cpu, inputs, bounds, measure).matrices[4]);
        QVERIFY2(off <= 5e-5, qPrintable(QString::number(off)));
      }
  }

  void attention_weights() {
    for (const int width : {16, 80, 256})
      for (const int window : {0, 20})
        for (const float cap : {0.f, 3.f})
          for (const int keys : {1, 19, 300})
            compare(5e-5, {random_matrix(1, 4 * width), random_matrix(keys, 2 * width), random_matrix(4, keys)}, {},
                    [&](Ops& ops, const Tensors& t, Ids) {
                      ops.attention_weights(t[0], matrix_of(t[1]), {4, 2, width, 0.2f, cap, window}, t[2]);
                    });
  }
};

QTEST_GUILESS_MAIN(CudaAttentionTest)
#include "attention_test.moc"

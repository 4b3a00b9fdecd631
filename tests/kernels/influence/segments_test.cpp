// The sums over segments that are taken from blocks of a product, against the product written out in f64.
#include <QtTest>

#include "kernels/cpu_kernels.h"
#include "kernels/half.h"
#include "tests/support/compare.h"

using namespace stemma;
using namespace stemma::test;
namespace ref = stemma::reference;

extern "C" void omp_set_num_threads(int);

namespace {

struct Case {
  int64_t outputs, inputs, queries;  // P, M, Q
};
constexpr Case cases[] = {{8, 12, 1},    {1, 1, 2},     {5, 7, 3},     {33, 50, 4},  {17, 49, 40}, {100, 131, 5},
                          {160, 64, 13}, {257, 300, 1}, {20, 1100, 7}, {72, 80, 21}, {4, 2048, 17}};

// Of every length from one token on, with rows between them that belong to none.
std::vector<Segment> ragged(const std::vector<int32_t>& lengths) {
  std::vector<Segment> segments;
  int32_t at = 2;
  for (const int32_t length : lengths) {
    segments.push_back({at, at + length, at, at + length});
    at += length + 1;
  }
  return segments;
}

std::vector<const cpu::Tiles*> all_tiles() {
  std::vector<const cpu::Tiles*> tiles = {&cpu::tiles_plain};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v3")) tiles.push_back(&cpu::tiles_avx2);
  if (__builtin_cpu_supports("x86-64-v4")) tiles.push_back(&cpu::tiles_avx512);
  if (__builtin_cpu_supports("avx512bf16")) tiles.push_back(&cpu::tiles_bf16());
#endif
  return tiles;
}

Matrix in_bf16(Matrix x) {
  for (double& value : x.data)
    value = std::bit_cast<float>(static_cast<uint32_t>(bf16_of(static_cast<float>(value))) << 16);
  return x;
}

Matrix rows_of(const Matrix& x, int64_t begin, int64_t end) {
  Matrix some(end - begin, x.columns);
  std::copy_n(x.data.begin() + begin * x.columns, some.data.size(), some.data.begin());
  return some;
}

// g^T a of some rows, (1, P M).
Matrix product(const Matrix& g, const Matrix& a, int64_t begin, int64_t end) {
  Matrix flat = ref::product(ref::transposed(rows_of(g, begin, end)), rows_of(a, begin, end));
  flat.columns *= flat.rows, flat.rows = 1;
  return flat;
}

}  // namespace

class SegmentsTest : public QObject {
  Q_OBJECT

  const std::shared_ptr<Ops> ops = make_cpu_ops();
  std::vector<float> scores_with(int threads, int64_t asked, bool rounded) {
    omp_set_num_threads(threads);
    Random random(5);
    const std::vector<Segment> segments = ragged({9, 1, 49, 700, 30, 1800, 2});
    const int64_t rows = segments.back().query_end;
    const Matrix g = ref::random_matrix(rows, 70, random), a = ref::random_matrix(rows, 96, random);
    const Buffer scores = on_device(ops, Matrix(7, asked)), total = on_device(ops, Matrix(1, 70 * 96));
    ops->segment_scores(on_device(ops, g), on_device(ops, a), segments,
                        on_device(ops, ref::random_matrix(asked, 70 * 96, random)), scores);
    ops->segment_squares(on_device(ops, g), on_device(ops, a), segments, total);
    const Buffer thin = on_device(ops, Matrix(7, asked));
    cpu::low_rank_scores(on_device(ops, g), on_device(ops, a), segments,
                         on_device(ops, ref::random_matrix(asked * 4, 70, random)),
                         on_device(ops, ref::random_matrix(asked * 4, 96, random)), thin, rounded);
    std::vector<float> result(static_cast<size_t>(7 * asked + 70 * 96 + 7 * asked));
    scores.download(result.data());
    total.download(result.data() + 7 * asked);
    thin.download(result.data() + 7 * asked + 70 * 96);
    omp_set_num_threads(1);
    return result;
  }

 private slots:
  void match_the_product() {
    const std::vector<Segment> segments = ragged({1, 5, 13, 1, 0, 49, 3, 1, 200, 2});
    const int64_t rows = segments.back().query_end, count = static_cast<int64_t>(segments.size());
    for (const cpu::Tiles* tiles : all_tiles())
      for (const Case& c : cases) {
        Random random(static_cast<uint64_t>(c.outputs));
        const Matrix g = ref::random_matrix(rows, c.outputs, random), a = ref::random_matrix(rows, c.inputs, random),
                     queries = ref::random_matrix(c.queries, c.outputs * c.inputs, random);
        Matrix scores = ref::random_matrix(count, c.queries, random),
               total = ref::random_matrix(1, queries.columns, random);
        const Buffer device_scores = on_device(ops, scores), device_total = on_device(ops, total);
        cpu::segment_scores(on_device(ops, g), on_device(ops, a), segments, on_device(ops, queries), device_scores,
                            *tiles);
        cpu::segment_squares(on_device(ops, g), on_device(ops, a), segments, device_total);
        for (int64_t s = 0; s < count; ++s) {
          const Segment& segment = segments[static_cast<size_t>(s)];
          const Matrix one = product(g, a, segment.query_begin, segment.query_end), met = ref::linear(one, queries);
          total = ref::sum(total, ref::squares(one));
          for (int64_t q = 0; q < c.queries; ++q) scores(s, q) += met(0, q);
        }
        VERIFY_CLOSE(from_device(*ops, device_scores), scores, 2e-6);
        VERIFY_CLOSE(from_device(*ops, device_total), total, 2e-6);
      }
  }

  // Of more segments than meet a tile's queries at once, and of queries of any number.
  void low_rank_queries_match_their_products() {
    std::vector<int32_t> lengths(230, 1);
    lengths[3] = 0, lengths[100] = 60, lengths[200] = 7;
    const std::vector<Segment> segments = ragged(lengths);
    const int64_t rows = segments.back().query_end, count = static_cast<int64_t>(segments.size());
    for (const cpu::Tiles* tiles : all_tiles())
      for (const Case& c : cases)
        for (const int64_t rank : {1, 5})
          for (const bool rounded : {false, true}) {
            Random random(static_cast<uint64_t>(c.outputs));
            const Matrix g = ref::random_matrix(rows, c.outputs, random),
                         a = ref::random_matrix(rows, c.inputs, random),
                         left = ref::random_matrix(c.queries * rank, c.outputs, random),
                         right = ref::random_matrix(c.queries * rank, c.inputs, random);
            Matrix scores = ref::random_matrix(count, c.queries, random);
            const Buffer found = on_device(ops, scores);
            cpu::low_rank_scores(on_device(ops, g), on_device(ops, a), segments, on_device(ops, left),
                                 on_device(ops, right), found, rounded, *tiles);
            // To bf16, where that is multiplied and rows are whole vectors.
            const bool does = rounded && tiles->product_of_pairs && c.inputs % tiles->lanes == 0;
            const auto seen = [&](const Matrix& x) { return does ? in_bf16(x) : x; };
            const Matrix own_g = seen(g), own_a = seen(a), own_left = seen(left), own_right = seen(right);
            // Rows of g meet rows of left, of a rows of right: whole products would be larger than both.
            const Matrix lefts = ref::linear(own_g, own_left), rights = ref::linear(own_a, own_right);
            for (int64_t s = 0; s < count; ++s)
              for (int64_t t = segments[static_cast<size_t>(s)].query_begin;
                   t < segments[static_cast<size_t>(s)].query_end; ++t)
                for (int64_t r = 0; r < c.queries * rank; ++r) scores(s, r / rank) += lefts(t, r) * rights(t, r);
            VERIFY_CLOSE(from_device(*ops, found), scores, 2e-6);
          }
  }

  void gram_is_the_upper_triangle() {
    for (const auto& [rows, width] :
         {std::pair<int64_t, int64_t>{1, 1}, {3, 7}, {700, 50}, {2100, 161}, {40, 300}, {5, 1030}}) {
      Random random(static_cast<uint64_t>(width));
      const Matrix x = ref::random_matrix(rows, width, random);
      Matrix expected = ref::random_matrix(width, width, random);
      const Buffer found = on_device(ops, expected);
      ops->gram(on_device(ops, x), found);
      expected = ref::sum(expected, ref::product(ref::transposed(x), x));
      Matrix upper = from_device(*ops, found);
      for (int64_t i = 0; i < width; ++i)
        for (int64_t j = 0; j < i; ++j) upper(i, j) = expected(i, j) = 0;
      VERIFY_CLOSE(upper, expected, 2e-6);
    }
  }

  void no_segments_change_nothing() {
    Random random(3);
    const Matrix g = ref::random_matrix(4, 6, random), total = ref::random_matrix(1, 6 * 5, random);
    const Buffer found = on_device(ops, total);
    ops->segment_squares(on_device(ops, g), on_device(ops, ref::random_matrix(4, 5, random)), {}, found);
    VERIFY_CLOSE(from_device(*ops, found), total, 0.0);
  }

  // Others beside it, more than meet the queries at once, and less than a vector of sums.
  void other_segments_change_no_bit() {
    Random random(6);
    const std::vector<Segment> segments = ragged(std::vector<int32_t>(61, 5));
    const int64_t rows = segments.back().query_end;
    const Buffer g = on_device(ops, ref::random_matrix(rows, 70, random)),
                 a = on_device(ops, ref::random_matrix(rows, 96, random)),
                 queries = on_device(ops, ref::random_matrix(9, 70 * 96, random)),
                 left = on_device(ops, ref::random_matrix(9 * 4, 70, random)),
                 right = on_device(ops, ref::random_matrix(9 * 4, 96, random));
    enum Kind { whole, low, low_rounded };
    const auto scores_of = [&](std::span<const Segment> some, Kind kind) {
      const Buffer scores = on_device(ops, Matrix(static_cast<int64_t>(some.size()), 9));
      if (kind == whole)
        cpu::segment_scores(g, a, some, queries, scores);
      else
        cpu::low_rank_scores(g, a, some, left, right, scores, kind == low_rounded);
      return from_device(*ops, scores);
    };
    for (const Kind kind : {whole, low, low_rounded}) {
      const Matrix together = scores_of(segments, kind);
      for (const size_t s : {size_t{0}, size_t{2}, size_t{49}, size_t{60}}) {
        const Matrix alone = scores_of({&segments[s], 1}, kind);
        for (int64_t q = 0; q < 9; ++q) QCOMPARE(alone(0, q), together(static_cast<int64_t>(s), q));
      }
    }
  }

  // Nor do other queries, where few stay few and many stay many: those are met in different ways.
  void other_queries_change_no_bit() {
    Random random(7);
    const std::vector<Segment> segments = ragged(std::vector<int32_t>(9, 5));
    const int64_t rows = segments.back().query_end, size = 70 * 96;
    const Buffer g = on_device(ops, ref::random_matrix(rows, 70, random)),
                 a = on_device(ops, ref::random_matrix(rows, 96, random)),
                 queries = on_device(ops, ref::random_matrix(141, size, random));
    const auto scores_of = [&](int64_t first, int64_t last) {
      const Buffer scores = on_device(ops, Matrix(std::ssize(segments), last - first));
      cpu::segment_scores(g, a, segments, queries.view().slice(first, last), scores);
      return from_device(*ops, scores);
    };
    const auto same = [&](int64_t most, int64_t first, int64_t last) {
      const Matrix together = scores_of(0, most), fewer = scores_of(first, last);
      for (int64_t s = 0; s < std::ssize(segments); ++s)
        for (int64_t q = first; q < last; ++q) QCOMPARE(fewer(s, q - first), together(s, q));
    };
    for (const int64_t q : {0, 5, 14}) same(15, q, q + 1);
    for (const int64_t first : {0, 3, 77, 121}) same(141, first, first + 20);
  }

  void threads_change_no_bit() {
    for (const bool rounded : {false, true})
      for (const int64_t asked : {6, 20}) {
        const std::vector<float> one = scores_with(1, asked, rounded);
        for (const int threads : {2, 3, 5}) QVERIFY(scores_with(threads, asked, rounded) == one);
        QVERIFY(std::any_of(one.begin(), one.end(), [](float x) { return x != 0; }));
      }
  }
};

QTEST_GUILESS_MAIN(SegmentsTest)
#include "segments_test.moc"

// The code of kernels/tiles.h, for a vector of `Lanes` floats and tiles of Rows x up to Most of them, which with
// the loads must fit the registers. Included after a file has named its instruction set: it may include nothing.
#pragma once

#include "kernels/tiles.h"

namespace stemma::cpu {
namespace {

template <int Lanes, int Rows, int Most>
struct TileCode {
  static constexpr int docs = 4, asked = Lanes == 16 ? 6 : 4;  // segments times queries: sums in registers together
  static constexpr int panels = 16 / Rows;                     // tiles kept before they meet the queries
  static constexpr int group = docs * 12;                      // segments that meet the queries while those are near
  static constexpr int crowd = docs * 48;                      // and that meet queries which are products themselves
  typedef float Vector __attribute__((vector_size(Lanes * sizeof(float)), may_alias));
  typedef float Loose __attribute__((vector_size(Lanes * sizeof(float)), aligned(sizeof(float)), may_alias));

  template <int Width>
  static inline __attribute__((always_inline)) void sum(const float* x, const float* y, int64_t tokens,
                                                        Vector (&tile)[Rows * Width]) {
#pragma GCC unroll 24
    for (int i = 0; i < Rows * Width; ++i) tile[i] = Vector{};
    for (int64_t t = 0; t < tokens; ++t, x += Rows, y += Width * Lanes) {
      Vector across[Width];
#pragma GCC unroll 3
      for (int v = 0; v < Width; ++v) across[v] = *reinterpret_cast<const Vector*>(y + v * Lanes);
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 3
        for (int v = 0; v < Width; ++v) tile[r * Width + v] += x[r] * across[v];
    }
  }

  // visit(Count<min(N, there)>), there >= 1.
  template <int N>
  using Count = std::integral_constant<int, N>;
  template <int N, class Visit>
  static inline __attribute__((always_inline)) void with_count(int64_t there, Visit visit) {
    if constexpr (N > 1)
      if (there < N) return with_count<N - 1>(there, visit);
    visit(Count<N>());
  }

  // Of two vectors of pieces `Piece` wide: every piece's first half plus its second, those of `a` before those of `b`.
  template <int Piece, int... Lane>
  static inline __attribute__((always_inline)) Vector fold(Vector a, Vector b, std::integer_sequence<int, Lane...>) {
    constexpr auto first = [](int lane) {
      const int half = Piece / 2, place = lane % (Lanes / 2);
      return (lane < Lanes / 2 ? 0 : Lanes) + place / half * Piece + place % half;
    };
    return __builtin_shufflevector(a, b, first(Lane)...) + __builtin_shufflevector(a, b, (first(Lane) + Piece / 2)...);
  }
  // Each of v's Vectors vectors, a multiple of Lanes, becomes the one number that its lanes sum to, halves first.
  template <int Vectors, int Piece = Lanes>
  static inline __attribute__((always_inline)) void lanes_sums(Vector* v) {
    if constexpr (Piece > 1) {
#pragma GCC unroll 16
      for (int i = 0; i < Vectors / 2; ++i)
        v[i] = fold<Piece>(v[2 * i], v[2 * i + 1], std::make_integer_sequence<int, Lanes>());
      lanes_sums<Vectors / 2, Piece / 2>(v);
    }
  }

  // Packs Asked queries' parts that a strip's rows meet, vector after vector; past the last column they are zero.
  template <int Width, int Asked>
  static inline __attribute__((always_inline)) void gather(const float* from, int64_t stride, int64_t query_stride,
                                                           int64_t rows, int64_t columns, Vector* near) {
    for (int q = 0; q < Asked; ++q)
      for (int64_t r = 0; r < rows; ++r)
        for (int v = 0; v < Width; ++v) {
          const float* part = from + q * query_stride + r * stride + v * Lanes;
          Vector& to = near[(r * Width + v) * Asked + q];
          if (columns >= (v + 1) * Lanes) {
            to = *reinterpret_cast<const Loose*>(part);
          } else {
            to = Vector{};
            for (int64_t c = 0; c < columns - v * Lanes; ++c) reinterpret_cast<float*>(&to)[c] = part[c];
          }
        }
  }

  // The products of segments [first, last), rows [row, row + rows) of the job, `apart` from each other; a product's
  // vectors are `step` apart.
  template <int Width>
  static inline __attribute__((always_inline)) void multiply(const OuterJob& job, int64_t first, int64_t last,
                                                             int64_t row, int64_t rows, Vector* products, int64_t apart,
                                                             int64_t step) {
    for (int64_t s = first; s < last; ++s, products += apart)
      for (int64_t panel = 0; panel * Rows < rows; ++panel) {
        Vector tile[Rows * Width];
        sum<Width>(job.x + (row / Rows + panel) * job.x_stride + job.cuts[s] * Rows,
                   job.y + job.cuts[s] * Width * Lanes, job.cuts[s + 1] - job.cuts[s], tile);
#pragma GCC unroll 24
        for (int i = 0; i < Rows * Width; ++i) products[(panel * Rows * Width + i) * step] = tile[i];
      }
  }

  // scores (count rows, `queries` apart) += <product, query> for up to `docs` products and Asked queries.
  template <int Asked>
  static inline __attribute__((always_inline)) void meet(const Vector* products, int64_t product_stride,
                                                         const Vector* near, int64_t vectors, float* scores,
                                                         int64_t queries, int64_t count) {
    constexpr int sized = (docs * Asked + Lanes - 1) / Lanes * Lanes;
    Vector sums[sized];
#pragma GCC unroll 32
    for (int i = 0; i < sized; ++i) sums[i] = Vector{};
    for (int64_t i = 0; i < vectors; ++i, near += Asked) {
      Vector own[docs];
#pragma GCC unroll 16
      for (int d = 0; d < docs; ++d) own[d] = products[d * product_stride + i];
#pragma GCC unroll 16
      for (int q = 0; q < Asked; ++q) {
        const Vector query = near[q];
#pragma GCC unroll 16
        for (int d = 0; d < docs; ++d) sums[d * Asked + q] += own[d] * query;
      }
    }
    lanes_sums<sized>(sums);
    const float* found = reinterpret_cast<const float*>(sums);
#pragma GCC unroll 16
    for (int d = 0; d < docs; ++d) {
      if (d >= count) break;
#pragma GCC unroll 16
      for (int q = 0; q < Asked; ++q) scores[d * queries + q] += found[d * Asked + q];
    }
  }

  // Products of segments [first, last), rows [row, row + rows) of the job, and queries from `query` on. Meanwhile the
  // part of the queries that comes next, `next_rows` rows of `asked` queries, is called into the caches: it lies in short
  // pieces far apart, which no processor foresees.
  struct Meeting {
    const Vector* products;
    int64_t first, last, row, rows, query;
    const float* next;
    int64_t next_rows;
  };
  template <int Width>
  static inline __attribute__((always_inline)) void call(const Meeting& m, int64_t begin, int64_t end, int64_t stride,
                                                         int64_t query_stride) {
    for (int64_t r = begin; r < end && r < m.next_rows; ++r)
      for (int q = 0; q < asked; ++q)
#pragma GCC unroll 3
        for (int v = 0; v < Width; ++v) __builtin_prefetch(m.next + q * query_stride + r * stride + v * Lanes);
  }
  template <int Width, int Asked>
  static void meet_all(const OuterJob& job, const Meeting& m, const float* other, int64_t stride, int64_t query_stride,
                       int64_t queries, float* scores) {
    constexpr int64_t apart = panels * Rows * Width;
    Vector near[apart * Asked];
    gather<Width, Asked>(other + m.query * query_stride + m.row * stride, stride, query_stride, m.rows, job.columns,
                         near);
    const int64_t called = m.last - m.first > docs ? m.next_rows * docs / (m.last - m.first) + 1 : 0;  // rows each time
    int64_t at = 0;
    for (int64_t s = m.first; s < m.last; s += docs, at += called) {
      call<Width>(m, at, at + called, stride, query_stride);
      meet<Asked>(m.products + (s - m.first) * apart, apart, near, m.rows * Width, scores + s * queries + m.query,
                  queries, m.last - s);
    }
  }

  template <int Width>
  static void dots_of(const OuterJob& job, const float* other, int64_t stride, int64_t query_stride, int64_t queries,
                      float* scores) {
    constexpr int64_t product_stride = panels * Rows * Width;
    Vector products[group * product_stride] = {};
    for (int64_t row = 0; row < job.rows; row += panels * Rows) {
      const int64_t rows = job.rows - row < panels * Rows ? job.rows - row : panels * Rows;
      for (int64_t first = 0; first < job.segments; first += group) {
        const int64_t last = job.segments - first < group ? job.segments : first + group;
        multiply<Width>(job, first, last, row, rows, products, product_stride, 1);
        for (int64_t q = 0; q < queries; q += asked) {
          // The next queries' part of these rows; at the end, the first ones' of the rows that follow.
          const bool ends = q + asked >= queries;
          const int64_t next_row = ends ? row + rows : row, left = job.rows - next_row;
          const Meeting m = {products,
                             first,
                             last,
                             row,
                             rows,
                             q,
                             other + next_row * stride + (ends ? 0 : (q + asked) * query_stride),
                             left < rows ? left : rows};
          with_count<asked>(queries - q, [&]<int Asked>(Count<Asked>) {
            meet_all<Width, Asked>(job, m, other, stride, query_stride, queries, scores);
          });
        }
      }
    }
  }

  // Products of segments [first, last) and of queries [query, query + Asked), which are near, one beside the other, for
  // as long as the segments pass.
  template <int Width, int Asked>
  static void meet_pairs(const OuterJob& queries, const Vector* products, int64_t first, int64_t last, int64_t row,
                         int64_t rows, int64_t query, float* scores) {
    constexpr int64_t apart = panels * Rows * Width;
    Vector near[apart * Asked];
    multiply<Width>(queries, query, query + Asked, row, rows, near, 1, Asked);
    for (int64_t s = first; s < last; s += docs)
      meet<Asked>(products + (s - first) * apart, apart, near, rows * Width, scores + s * queries.segments + query,
                  queries.segments, last - s);
  }

  template <int Width>
  static void pairs_of(const OuterJob& job, const OuterJob& queries, float* room, float* scores) {
    Vector* products = reinterpret_cast<Vector*>(room);
    for (int64_t row = 0; row < job.rows; row += panels * Rows) {
      const int64_t rows = job.rows - row < panels * Rows ? job.rows - row : panels * Rows;
      for (int64_t first = 0; first < job.segments; first += crowd) {
        const int64_t last = job.segments - first < crowd ? job.segments : first + crowd;
        multiply<Width>(job, first, last, row, rows, products, panels * Rows * Width, 1);
        for (int64_t q = 0; q < queries.segments; q += asked)
          with_count<asked>(queries.segments - q, [&]<int Asked>(Count<Asked>) {
            meet_pairs<Width, Asked>(queries, products, first, last, row, rows, q, scores);
          });
      }
    }
  }

  template <int Width, bool Squared>
  static void sums_of(const OuterJob& job, float* other, int64_t stride) {
    for (int64_t row = 0; row < job.rows; row += panels * Rows) {
      const int64_t rows = job.rows - row < panels * Rows ? job.rows - row : panels * Rows;
      Vector totals[panels * Rows * Width] = {};
      for (int64_t s = 0; s < job.segments; ++s)
        for (int64_t panel = 0; panel * Rows < rows; ++panel) {
          Vector tile[Rows * Width];
          sum<Width>(job.x + (row / Rows + panel) * job.x_stride + job.cuts[s] * Rows,
                     job.y + job.cuts[s] * Width * Lanes, job.cuts[s + 1] - job.cuts[s], tile);
          Vector* total = totals + panel * Rows * Width;
#pragma GCC unroll 24
          for (int i = 0; i < Rows * Width; ++i) total[i] += Squared ? tile[i] * tile[i] : tile[i];
        }
      const float* from = reinterpret_cast<const float*>(totals);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < job.columns; ++c) other[(row + r) * stride + c] += from[r * Width * Lanes + c];
    }
  }

  static void dots_any(const OuterJob& job, const float* other, int64_t stride, int64_t query_stride, int64_t queries,
                       float* scores) {
    if (job.vectors == 1) dots_of<1>(job, other, stride, query_stride, queries, scores);
    if (job.vectors == 2) dots_of<2>(job, other, stride, query_stride, queries, scores);
    if (job.vectors == 3) dots_of<3>(job, other, stride, query_stride, queries, scores);
  }
  static constexpr int64_t pairs_room = int64_t{crowd} * panels * Rows * Most * Lanes;
  static void pairs_any(const OuterJob& job, const OuterJob& queries, float* room, float* scores) {
    if (job.vectors == 1) pairs_of<1>(job, queries, room, scores);
    if (job.vectors == 2) pairs_of<2>(job, queries, room, scores);
    if (job.vectors == 3) pairs_of<3>(job, queries, room, scores);
  }
  template <bool Squared>
  static void sums_any(const OuterJob& job, float* other, int64_t stride) {
    if (job.vectors == 1) sums_of<1, Squared>(job, other, stride);
    if (job.vectors == 2) sums_of<2, Squared>(job, other, stride);
    if (job.vectors == 3) sums_of<3, Squared>(job, other, stride);
  }
  static_assert(Most == 3);
};

}  // namespace
}  // namespace stemma::cpu

// The code of Tiles::dots, for vectors of `Lanes` floats. Included after a file has named its instruction set: it may
// include nothing.
#pragma once

#include "kernels/products/tiles.h"

namespace stemma::cpu {
namespace {

template <int Lanes>
struct DotsCode {
  // Rows times others whose sums are in registers together, and how many numbers of them meet at a time, at most: the
  // others' are then in the first-level cache, those of many rows in the second.
  static constexpr int met = Lanes == 16 ? 4 : 3, others = Lanes == 16 ? 6 : 4, near = 768;
  static constexpr int line = 16, strip = 4;  // numbers of a cache's line; vectors
  typedef float Vector __attribute__((vector_size(Lanes * sizeof(float)), may_alias));
  typedef float Loose __attribute__((vector_size(Lanes * sizeof(float)), aligned(sizeof(float)), may_alias));

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

  // Lines of `rows` rows that are asked for before they are read.
  struct Ahead {
    const float* at;
    int64_t length, row, rows, done = 0;

    inline __attribute__((always_inline)) void ask(int64_t lines) {
      for (; lines > 0 && rows > 0; --lines) {
        __builtin_prefetch(at + done);
        if ((done += line) < length) continue;
        at += row, done = 0, --rows;
      }
    }
  };

  // What of every row meets at a time: some numbers of each of some pieces.
  struct Part {
    int64_t pieces, length, whole;  // whole vectors' numbers of that length
  };

  // Of Rows of a and of Others of b, from `first` and `other` on; lane by lane to `kept`, whose rows are job.others
  // vectors apart. `asked` lines of what is next are asked for with each `strip` vectors.
  template <int Rows, int Others>
  static inline __attribute__((always_inline)) void meet(const DotsJob& job, const Part& part, const float* first,
                                                         const float* other, Vector* kept, Ahead& ahead,
                                                         int64_t asked) {
    const float *a[Rows], *b[Others];
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) a[r] = first + r * job.a_row;
#pragma GCC unroll 16
    for (int o = 0; o < Others; ++o) b[o] = other + o * job.b_row;
    Vector sums[Rows * Others];
#pragma GCC unroll 32
    for (int i = 0; i < Rows * Others; ++i) sums[i] = Vector{};
    for (int64_t piece = 0; piece < part.pieces; ++piece) {
      for (int64_t begin = 0; begin < part.whole; begin += strip * Lanes) {
        ahead.ask(asked);
        const int64_t end = part.whole - begin < strip * Lanes ? part.whole : begin + strip * Lanes;
        for (int64_t i = begin; i < end; i += Lanes) {
          Vector own[Rows];
#pragma GCC unroll 16
          for (int r = 0; r < Rows; ++r) own[r] = *reinterpret_cast<const Loose*>(a[r] + i);
#pragma GCC unroll 16
          for (int o = 0; o < Others; ++o) {
            const Vector across = *reinterpret_cast<const Loose*>(b[o] + i);
#pragma GCC unroll 16
            for (int r = 0; r < Rows; ++r) sums[r * Others + o] += own[r] * across;
          }
        }
      }
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) a[r] += job.a_piece;
#pragma GCC unroll 16
      for (int o = 0; o < Others; ++o) b[o] += job.b_piece;
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
      for (int o = 0; o < Others; ++o) kept[r * job.others + o] += sums[r * Others + o];
    for (int64_t piece = 0; part.whole < part.length && piece < part.pieces; ++piece)
      for (int r = 0; r < Rows; ++r)
        for (int o = 0; o < Others; ++o) {
          float* const lanes = reinterpret_cast<float*>(kept + r * job.others + o);
          const float *x = first + r * job.a_row + piece * job.a_piece,
                      *y = other + o * job.b_row + piece * job.b_piece;
          for (int64_t i = part.whole; i < part.length; ++i) lanes[i - part.whole] += x[i] * y[i];
        }
  }

  // Adds to each of `dots` what the lanes of its vector sum to.
  static void add_lanes(const Vector* kept, int64_t count, float* dots) {
    for (int64_t first = 0; first < count; first += Lanes) {
      const int64_t there = count - first < Lanes ? count - first : Lanes;
      Vector v[Lanes];
      for (int64_t i = 0; i < Lanes; ++i) v[i] = kept[first + (i < there ? i : there - 1)];
      lanes_sums<Lanes>(v);
      const float* found = reinterpret_cast<const float*>(v);
      for (int64_t i = 0; i < there; ++i) dots[first + i] += found[i];
    }
  }

  static void dots(const DotsJob& job) {
    if (job.length == 0) return;
    const int64_t turns = (job.rows + met - 1) / met, parts = (job.length + near - 1) / near,
                  most = ((job.length + parts - 1) / parts + Lanes - 1) / Lanes * Lanes,
                  together = job.length < near ? near / job.length : 1;
    Vector* const kept = reinterpret_cast<Vector*>(job.room);
    for (int64_t i = 0; i < job.rows * job.others; ++i) kept[i] = Vector{};
    for (int64_t piece = 0; piece < job.pieces; piece += together)
      for (int64_t begin = 0; begin < job.length; begin += most) {
        const int64_t length = job.length - begin < most ? job.length - begin : most;
        const Part part{job.pieces - piece < together ? job.pieces - piece : together, length, length / Lanes * Lanes};
        const float* const a = job.a + piece * job.a_piece + begin;
        const float* const b = job.b + piece * job.b_piece + begin;
        const bool last = begin + most >= job.length;
        const float* const next = last ? job.b + (piece + together) * job.b_piece : b + most;
        for (int64_t other = 0; other < job.others; other += others)
          with_count<others>(job.others - other, [&]<int Others>(Count<Others>) {
            const int64_t after = other + others, left = job.others - after;
            Ahead ahead{left > 0 ? b + after * job.b_row : next, length, job.b_row, left > 0 ? left : job.others};
            if (ahead.rows > others) ahead.rows = others;
            if (left <= 0 && last && piece + together >= job.pieces) ahead.rows = 0;
            const int64_t asked = (ahead.rows * strip * Lanes / line + turns - 1) / turns;
            for (int64_t row = 0; row < job.rows; row += met)
              with_count<met>(job.rows - row, [&]<int Rows>(Count<Rows>) {
                meet<Rows, Others>(job, part, a + row * job.a_row, b + other * job.b_row,
                                   kept + row * job.others + other, ahead, asked);
              });
          });
      }
    for (int64_t row = 0; row < job.rows; ++row)
      add_lanes(kept + row * job.others, job.others, job.dots + row * job.dots_row);
  }
};

}  // namespace
}  // namespace stemma::cpu

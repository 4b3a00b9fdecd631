// The code of Tiles::dots, for vectors of `Lanes` floats. Included after a file has named its instruction set: it may
// include nothing.
#pragma once

#include "kernels/products/tiles.h"

namespace stemma::cpu {
namespace {

template <int Lanes>
struct DotsCode {
  // Rows times others whose sums are in registers together, and how many numbers of them meet at a time: the others'
  // are then in the first-level cache, those of many rows in the second.
  static constexpr int met = Lanes == 16 ? 4 : 3, others = Lanes == 16 ? 6 : 4, near = 768;
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

  // Of up to `met` rows from `row` on and of Others from `other` on, numbers [begin, begin + length).
  template <int Others>
  static inline __attribute__((always_inline)) void meet(const DotsJob& job, int64_t begin, int64_t length, int64_t row,
                                                         int64_t other) {
    constexpr int sized = (met * Others + Lanes - 1) / Lanes * Lanes;
    const int64_t there = job.rows - row < met ? job.rows - row : met, whole = length / Lanes * Lanes;
    const float *a[met], *b[Others];
#pragma GCC unroll 16
    for (int r = 0; r < met; ++r) a[r] = job.a + (row + (r < there ? r : there - 1)) * job.a_row + begin;
#pragma GCC unroll 16
    for (int o = 0; o < Others; ++o) b[o] = job.b + (other + o) * job.b_row + begin;
    Vector sums[sized];
#pragma GCC unroll 32
    for (int i = 0; i < sized; ++i) sums[i] = Vector{};
    for (int64_t i = 0; i < whole; i += Lanes) {
      Vector own[met];
#pragma GCC unroll 16
      for (int r = 0; r < met; ++r) own[r] = *reinterpret_cast<const Loose*>(a[r] + i);
#pragma GCC unroll 16
      for (int o = 0; o < Others; ++o) {
        const Vector across = *reinterpret_cast<const Loose*>(b[o] + i);
#pragma GCC unroll 16
        for (int r = 0; r < met; ++r) sums[r * Others + o] += own[r] * across;
      }
    }
    lanes_sums<sized>(sums);
    const float* found = reinterpret_cast<const float*>(sums);
#pragma GCC unroll 16
    for (int r = 0; r < met; ++r) {
      if (r >= there) break;
#pragma GCC unroll 16
      for (int o = 0; o < Others; ++o) {
        float sum = found[r * Others + o];
        for (int64_t i = whole; i < length; ++i) sum += a[r][i] * b[o][i];
        job.dots[(row + r) * job.dots_row + other + o] += sum;
      }
    }
  }

  static void dots(const DotsJob& job) {
    for (int64_t begin = 0; begin < job.length; begin += near) {
      const int64_t length = job.length - begin < near ? job.length - begin : near;
      for (int64_t other = 0; other < job.others; other += others)
        with_count<others>(job.others - other, [&]<int Others>(Count<Others>) {
          for (int64_t row = 0; row < job.rows; row += met) meet<Others>(job, begin, length, row, other);
        });
    }
  }
};

}  // namespace
}  // namespace stemma::cpu

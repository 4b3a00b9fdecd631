// Products of a panel of w, whose rows lie across the lanes, with any number of rows of x, in whole numbers. Included
// after a file has named its instruction set, as kernels/products/stream_passes.h is.
//
// A Panel stands at 32 columns of `width` vectors of rows, as whole numbers that are multiplied by `steps` floats, each
// of as many columns, and a base where it is `based`; ++ goes to the next 32 columns:
//   __m512i pairs(v, k)  two columns of each row, the k-th pair;   __m512 step(v, i), base(v);
//   ahead, bytes, at()   after how many bytes panels are asked for, where they come from memory (else 0), how many such
//                        a panel has, and where the first of them is.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/products/stream_passes.h"

namespace stemma::cpu {
namespace {

constexpr int lanes = 16, together = StreamRows::together, piece = StreamRows::piece;
constexpr int64_t part = 2048;  // columns of a panel that stay in the second cache

// Panels that lie one after the other.
template <class Tile>
struct Row {
  static constexpr int width = Tile::width, steps = Tile::steps, ahead = 0;
  static constexpr bool based = Tile::based;
  const Tile* tile;

  void operator++() { ++tile; }
  __m512i pairs(int v, int k) const { return tile->pairs(v, k); }
  __m512 step(int v, int i) const { return tile->step(v, i); }
  __m512 base(int v) const { return tile->base(v); }
};

// What rows of x from `first` on give with the panel `w` of columns [begin, end).
template <class Panel, int Rows>
void multiply_rows(Panel w, const Stream& s, int64_t first, int64_t begin, int64_t end) {
  constexpr int width = Panel::width, steps = Panel::steps;
  constexpr int chains = Rows <= 2 ? 2 : 1;  // sums of a row's products that do not wait for each other
  const int64_t before = first * (s.columns / piece) + begin / piece * Rows;  // pieces of x
  const int16_t* x = s.near.whole + before * piece;
  const float *scales = s.near.scales + before, *x_sums = s.near.sums + before;
  float* y = s.y + first * s.y_stride + s.begin;
  const auto lanes_of = [&](int v) {
    const int64_t there = s.end - s.begin - v * lanes;
    return static_cast<__mmask16>(there >= lanes ? 0xFFFF : there > 0 ? (1 << there) - 1 : 0);
  };
  __m512 memory[Rows * width];
  __m512* sums = memory;
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < width; ++v)
      sums[r * width + v] =
          begin ? _mm512_maskz_loadu_ps(lanes_of(v), y + r * s.y_stride + v * lanes) : _mm512_setzero_ps();
  for (int64_t c = begin; c < end; c += piece, ++w, x += Rows * piece, scales += Rows, x_sums += Rows) {
    if constexpr (Panel::ahead)
#pragma GCC unroll 32
      for (int line = 0; line < Panel::bytes; line += 64) __builtin_prefetch(w.at() + Panel::ahead + line, 0, 3);
#pragma GCC unroll 2
    for (int step = 0; step < steps; ++step) {
      asm("" : "+r"(sums) : : "memory");  // sums wait in memory: the registers are for the whole numbers
      __m512i dots[chains][Rows * width];
#pragma GCC unroll 2
      for (auto& chain : dots)
#pragma GCC unroll 24
        for (__m512i& dot : chain) dot = _mm512_setzero_si512();
      const int16_t* pair = x + step * piece / steps;
#pragma GCC unroll 1
      for (int k = step * lanes / steps; k < (step + 1) * lanes / steps; k += chains)
#pragma GCC unroll 2
        for (int chain = 0; chain < chains; ++chain, pair += 2) {
          __m512i own[width];
#pragma GCC unroll 3
          for (int v = 0; v < width; ++v) own[v] = w.pairs(v, k + chain);
#pragma GCC unroll 8
          for (int r = 0; r < Rows; ++r) {
            int both;
            __builtin_memcpy(&both, pair + r * piece, sizeof both);
            const __m512i there = _mm512_set1_epi32(both);
#pragma GCC unroll 3
            for (int v = 0; v < width; ++v)  // g++ would spill sums
              asm("vpdpwssd %2, %1, %0" : "+v"(dots[chain][r * width + v]) : "v"(own[v]), "v"(there));
          }
        }
      if constexpr (chains > 1)
#pragma GCC unroll 6
        for (int i = 0; i < Rows * width; ++i) dots[0][i] = _mm512_add_epi32(dots[0][i], dots[1][i]);
      __m512 factors[width], bases[width];
#pragma GCC unroll 3
      for (int v = 0; v < width; ++v) factors[v] = w.step(v, step);
      if constexpr (Panel::based)  // one step
#pragma GCC unroll 3
        for (int v = 0; v < width; ++v) bases[v] = w.base(v);
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 3
        for (int v = 0; v < width; ++v) {
          __m512& sum = sums[r * width + v];
          const __m512 factor = _mm512_mul_ps(factors[v], _mm512_set1_ps(scales[r]));
          sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[0][r * width + v]), factor, sum);
          if constexpr (Panel::based) sum = _mm512_fmadd_ps(bases[v], _mm512_set1_ps(x_sums[r]), sum);
        }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < width; ++v)
      _mm512_mask_storeu_ps(y + r * s.y_stride + v * lanes, lanes_of(v), sums[r * width + v]);
}

// From `first` on, all that are left.
template <class Panel, int Rows = together>
void multiply_all(Panel w, const Stream& s, int64_t begin, int64_t end, int64_t first = 0) {
  for (; s.rows - first >= Rows; first += Rows) multiply_rows<Panel, Rows>(w, s, first, begin, end);
  if constexpr (Rows > 1)
    if (first < s.rows) multiply_all<Panel, Rows - 1>(w, s, begin, end, first);
}

}  // namespace
}  // namespace stemma::cpu
#endif

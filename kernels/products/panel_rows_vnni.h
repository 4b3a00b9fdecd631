// Products of a panel of w, whose rows lie across the lanes, with many rows of x in whole numbers. Included after a
// file has named its instruction set, as kernels/products/stream_passes.h is.
//
// A Panel is 32 columns of `width` vectors of rows, as whole numbers that are multiplied by `steps` floats, each of as
// many columns, and a base where it is `based`:
//   __m512i pairs(v, k)  two columns of each row, the k-th pair;   __m512 step(v, i), base(v).
// `ahead`: bytes after which panels are asked for, where they come from memory; else 0.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/products/stream_passes.h"

namespace stemma::cpu {
namespace {

constexpr int lanes = 16, together = StreamRows::together, piece = StreamRows::piece;
constexpr int64_t part = 2048;  // columns of a panel that stay in the second cache

// What rows of x from `first` on give with the panel `w` of columns [begin, end); `last`: lanes of its last vector.
template <class Panel, int Rows>
void multiply_rows(const Panel* w, const Stream& s, int64_t first, int64_t begin, int64_t end, __mmask16 last) {
  constexpr int width = Panel::width, steps = Panel::steps;
  const int64_t before = first * (s.columns / piece) + begin / piece * Rows;  // pieces of x
  const int16_t* x = s.near.whole + before * piece;
  const float *scales = s.near.scales + before, *x_sums = s.near.sums + before;
  float* y = s.y + first * s.y_stride + s.begin;
  const auto lanes_of = [&](int v) { return v + 1 < width ? static_cast<__mmask16>(0xFFFF) : last; };
  __m512 memory[Rows * width];
  __m512* sums = memory;
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < width; ++v)
      sums[r * width + v] =
          begin ? _mm512_maskz_loadu_ps(lanes_of(v), y + r * s.y_stride + v * lanes) : _mm512_setzero_ps();
  for (int64_t c = begin; c < end; c += piece, ++w, x += Rows * piece, scales += Rows, x_sums += Rows) {
    // With two to four rows the processor looks ahead far enough by itself; with one, panels go by fastest.
    if constexpr (Panel::ahead && (Rows == 1 || Rows > together / 2))
#pragma GCC unroll 32
      for (size_t line = 0; line < sizeof(Panel); line += 64)
        __builtin_prefetch(reinterpret_cast<const std::byte*>(w) + Panel::ahead + line, 0, Rows == 1 ? 3 : 2);
#pragma GCC unroll 2
    for (int step = 0; step < steps; ++step) {
      asm("" : "+r"(sums) : : "memory");  // sums wait in memory: the registers are for the whole numbers
      __m512i dots[Rows * width];
#pragma GCC unroll 24
      for (__m512i& dot : dots) dot = _mm512_setzero_si512();
      const int16_t* pair = x + step * piece / steps;
#pragma GCC unroll 1
      for (int k = step * lanes / steps; k < (step + 1) * lanes / steps; ++k, pair += 2) {
        __m512i own[width];
#pragma GCC unroll 3
        for (int v = 0; v < width; ++v) own[v] = w->pairs(v, k);
#pragma GCC unroll 8
        for (int r = 0; r < Rows; ++r) {
          int both;
          __builtin_memcpy(&both, pair + r * piece, sizeof both);
          const __m512i there = _mm512_set1_epi32(both);
#pragma GCC unroll 3
          for (int v = 0; v < width; ++v)
            asm("vpdpwssd %2, %1, %0" : "+v"(dots[r * width + v]) : "v"(own[v]), "v"(there));  // g++ would spill sums
        }
      }
      __m512 factors[width];
#pragma GCC unroll 3
      for (int v = 0; v < width; ++v) factors[v] = w->step(v, step);
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 3
        for (int v = 0; v < width; ++v)
          sums[r * width + v] =
              _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[r * width + v]),
                              _mm512_mul_ps(factors[v], _mm512_set1_ps(scales[r])), sums[r * width + v]);
    }
    if constexpr (Panel::based) {
      __m512 bases[width];
#pragma GCC unroll 3
      for (int v = 0; v < width; ++v) bases[v] = w->base(v);
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 3
        for (int v = 0; v < width; ++v)
          sums[r * width + v] = _mm512_fmadd_ps(bases[v], _mm512_set1_ps(x_sums[r]), sums[r * width + v]);
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
void multiply_all(const Panel* w, const Stream& s, int64_t begin, int64_t end, __mmask16 last, int64_t first = 0) {
  for (; s.rows - first >= Rows; first += Rows) multiply_rows<Panel, Rows>(w, s, first, begin, end, last);
  if constexpr (Rows > 1)
    if (first < s.rows) multiply_all<Panel, Rows - 1>(w, s, begin, end, last, first);
}

}  // namespace
}  // namespace stemma::cpu
#endif

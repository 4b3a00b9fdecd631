// bf16 weights as the processor multiplies them: pairs of products with x in bf16 are added to a float at once.
#include "kernels/streams.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma GCC target("arch=x86-64-v4", "avx512bf16")
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // g++ 12 of its own intrinsics

namespace stemma::cpu {
namespace {

constexpr int tall = 3, together = StreamRows::together, piece = StreamRows::piece;

// `Height` rows of w with `Rows` rows of x from `first` on.
template <int Height, int Rows>
inline __attribute__((always_inline)) void block(const Stream& s, const std::byte* w, int64_t first, float* y) {
  const int64_t pieces = (s.columns + piece - 1) / piece;
  const __mmask32 last = 0xFFFFFFFFu >> (pieces * piece - s.columns);
  const uint16_t* x = s.near.halves + first * pieces * piece;
  __m512 sums[Height * Rows];
#pragma GCC unroll 24
  for (int i = 0; i < Height * Rows; ++i) sums[i] = _mm512_setzero_ps();
  const std::byte* next = s.next(w, Height);
  for (int64_t i = 0; i < pieces; ++i, x += Rows * piece, next += Height * 64) {
    const __mmask32 there = i + 1 < pieces ? 0xFFFFFFFFu : last;
    __m512bh own[Height];
#pragma GCC unroll 3
    for (int h = 0; h < Height; ++h) {
      __builtin_prefetch(next + h * 64, 0, 2);
      own[h] = (__m512bh)_mm512_maskz_loadu_epi16(there, w + h * s.w_stride + i * 64);
    }
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      __m512i row = _mm512_load_si512(x + r * piece);
      asm("" : "+v"(row));  // g++ would load it for each product
#pragma GCC unroll 3
      for (int h = 0; h < Height; ++h) sums[h * Rows + r] = _mm512_dpbf16_ps(sums[h * Rows + r], own[h], (__m512bh)row);
    }
  }
#pragma GCC unroll 3
  for (int h = 0; h < Height; ++h)
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) y[r * s.y_stride + h] = _mm512_reduce_add_ps(sums[h * Rows + r]);
}

template <int Height, int Rows = 1>
void some_rows(const Stream& s, const std::byte* w, int64_t first, float* y) {
  if constexpr (Rows < together)
    if (s.rows - first > Rows) return some_rows<Height, Rows + 1>(s, w, first, y);
  block<Height, Rows>(s, w, first, y);
}
template <int Height>
void pass(const Stream& s, int64_t row) {
  for (int64_t first = 0; first < s.rows; first += together)
    some_rows<Height>(s, s.w + row * s.w_stride, first, s.y + first * s.y_stride + row);
}
void multiply(const Stream& s) {
  int64_t row = s.begin;
  for (; row + tall <= s.end; row += tall) pass<tall>(s, row);
  for (; row < s.end; ++row) pass<1>(s, row);
}

}  // namespace

const Streams& streams_bf16() {
  static const Streams streams = [] {
    Streams all = streams_vnni();
    all.multiply[static_cast<size_t>(WeightType::bf16)] = multiply;
    all.form[static_cast<size_t>(WeightType::bf16)] = RowForm::bf16;
    return all;
  }();
  return streams;
}

}  // namespace stemma::cpu
#endif

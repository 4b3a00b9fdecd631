// bf16 weights as the processor multiplies them: pairs of products with x in bf16 are added to a float at once.
#include "kernels/products/streams.h"
#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#pragma GCC target("arch=x86-64-v4", "avx512bf16")
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // g++ 12 of its own intrinsics
#include "kernels/products/lanes_avx512.h"
#include "kernels/products/stream_passes.h"

namespace stemma::cpu {
namespace {

struct Way {
  static constexpr int tall = 3, unit = StreamRows::piece, piece = 2 * unit, number = 2;

  template <int Height, int Rows>
  struct Sums {
    __m512 of[Height * Rows];
    void clear() {
#pragma GCC unroll 24
      for (__m512& sum : of) sum = _mm512_setzero_ps();
    }
  };

  template <int Height, int Rows, bool Soon>
  STEMMA_INLINE void add(const Stream& s, const std::byte* w, int64_t first, const Part<Soon>& part,
                         Sums<Height, Rows>& sums) {
    const int64_t units = (s.columns + unit - 1) / unit, whole = std::min(part.end, s.columns / unit);
    const uint16_t* x = s.near.halves + (first * units + part.begin * Rows) * unit;
    const __mmask32 last = 0xFFFFFFFFu >> (units * unit - s.columns);
    int64_t i = part.begin;
    if constexpr (Rows == 1)  // without masks, whose loads the processor does not foresee
      for (; i < whole; ++i, x += unit)
        add_unit(s, w, i, part, x, sums, [](const std::byte* at) __attribute__((always_inline)) {
          return _mm512_loadu_epi16(at);
        });
    for (; i < part.end; ++i, x += Rows * unit)
      add_unit(s, w, i, part, x, sums, [there = i + 1 < units ? 0xFFFFFFFFu : last](const std::byte* at)
                                           __attribute__((always_inline)) {
        return _mm512_maskz_loadu_epi16(there, at);
      });
  }

  template <int Height, int Rows, bool Soon, class Load>
  STEMMA_INLINE void add_unit(const Stream& s, const std::byte* w, int64_t i, const Part<Soon>& part, const uint16_t* x,
                              Sums<Height, Rows>& sums, const Load& load) {
    __m512bh own[Height];
#pragma GCC unroll 3
    for (int h = 0; h < Height; ++h) {
      if constexpr (Rows > 1) part.template fetch<piece>(i, h);
      own[h] = (__m512bh)load(w + h * s.w_stride + i * piece);
    }
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      __m512i row = _mm512_load_si512(x + r * unit);
      asm("" : "+v"(row));  // g++ would load it for each product
#pragma GCC unroll 3
      for (int h = 0; h < Height; ++h)
        sums.of[h * Rows + r] = _mm512_dpbf16_ps(sums.of[h * Rows + r], own[h], (__m512bh)row);
    }
  }

  template <int Height, int Rows>
  STEMMA_INLINE void finish(const Stream& s, const std::byte*, int64_t, const Sums<Height, Rows>& sums, float* y) {
    float totals[Height * Rows];
    sum_lanes(sums.of, totals);
#pragma GCC unroll 3
    for (int h = 0; h < Height; ++h)
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r) y[r * s.y_stride + h] = totals[h * Rows + r];
  }
};

}  // namespace

const Streams& streams_bf16() {
  static const Streams streams = [] {
    Streams all = streams_vnni();
    all.multiply[static_cast<size_t>(WeightType::bf16)] = Passes<Way>::multiply;
    all.form[static_cast<size_t>(WeightType::bf16)] = RowForm::bf16;
    return all;
  }();
  return streams;
}

}  // namespace stemma::cpu
#endif

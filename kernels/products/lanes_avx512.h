// Sums of the 16 lanes of several vectors at once. Included after a file has named its instruction set, as
// kernels/products/streams_code.h is.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>

namespace stemma::cpu {
namespace {

// Of eight vectors, halves are added to halves until one number of each is left: the order of _mm512_reduce_add_ps.
static inline __attribute__((always_inline)) __m256 sum_eight(const __m512* x) {
  __m512 halves[4], quarters[2];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i)
    halves[i] = _mm512_add_ps(_mm512_shuffle_f32x4(x[2 * i], x[2 * i + 1], 0x44),
                              _mm512_shuffle_f32x4(x[2 * i], x[2 * i + 1], 0xEE));
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i)
    quarters[i] = _mm512_add_ps(_mm512_shuffle_f32x4(halves[2 * i], halves[2 * i + 1], 0x88),
                                _mm512_shuffle_f32x4(halves[2 * i], halves[2 * i + 1], 0xDD));
  const __m512d low = _mm512_castps_pd(quarters[0]), high = _mm512_castps_pd(quarters[1]);
  const __m512 pairs =
      _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(low, high)), _mm512_castpd_ps(_mm512_unpackhi_pd(low, high)));
  const __m512 sums = _mm512_add_ps(pairs, _mm512_permute_ps(pairs, 0xB1));
  const __m512i places = _mm512_setr_epi32(0, 4, 8, 12, 2, 6, 10, 14, 0, 0, 0, 0, 0, 0, 0, 0);
  return _mm512_castps512_ps256(_mm512_permutexvar_ps(places, sums));
}

template <int Count>
static inline __attribute__((always_inline)) void sum_lanes(const __m512 (&x)[Count], float (&sums)[Count]) {
  constexpr int whole = Count / 8 * 8;
#pragma GCC unroll 4
  for (int i = 0; i < whole; i += 8) _mm256_storeu_ps(sums + i, sum_eight(x + i));
#pragma GCC unroll 8
  for (int i = whole; i < Count; ++i) sums[i] = _mm512_reduce_add_ps(x[i]);
}

}  // namespace
}  // namespace stemma::cpu
#endif

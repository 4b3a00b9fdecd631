#include "kernels/products/streams.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma GCC target("arch=x86-64-v3")
#include "kernels/products/streams_code.h"

namespace stemma::cpu {
namespace {

struct Avx2 {
  static constexpr int tall = 1;
  static constexpr int lanes = 8;
  typedef float Vector __attribute__((vector_size(32), may_alias));
  typedef float Loose __attribute__((vector_size(32), aligned(1), may_alias));
  typedef int Ints __attribute__((vector_size(32), may_alias));
  STEMMA_INLINE __m128i bytes(const std::byte* at) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at)); }
  STEMMA_INLINE __m128i shorts(const std::byte* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }

  STEMMA_INLINE Vector f32(const std::byte* at) { return *reinterpret_cast<const Loose*>(at); }
  STEMMA_INLINE Vector f16(const std::byte* at) { return _mm256_cvtph_ps(shorts(at)); }
  STEMMA_INLINE Ints u16(const std::byte* at) { return (Ints)_mm256_cvtepu16_epi32(shorts(at)); }
  STEMMA_INLINE Ints u8(const std::byte* at) { return (Ints)_mm256_cvtepu8_epi32(bytes(at)); }
  STEMMA_INLINE Ints i8(const std::byte* at) { return (Ints)_mm256_cvtepi8_epi32(bytes(at)); }
  STEMMA_INLINE Vector floats(Ints x) { return _mm256_cvtepi32_ps((__m256i)x); }
  STEMMA_INLINE float half(const std::byte* at) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_loadu_si16(at))); }
  STEMMA_INLINE Ints counting() { return Ints{0, 1, 2, 3, 4, 5, 6, 7}; }
  STEMMA_INLINE void hold(Vector& x) { asm("" : "+x"(x)); }  // g++ would load it for each product
  // Neighbours, then pairs, then halves: in that order for each, however many there are.
  STEMMA_INLINE __m128 sum_four(__m256 a, __m256 b, __m256 c, __m256 d) {
    const __m256 halves = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    return _mm256_castps256_ps128(halves) + _mm256_extractf128_ps(halves, 1);
  }
  template <int Count>
  STEMMA_INLINE void sum(const Vector (&x)[Count], float (&sums)[Count]) {
    constexpr auto known = [](int i) { return i < Count ? i : Count - 1; };
#pragma GCC unroll 4
    for (int i = 0; i < Count; i += 4) {
      const __m128 four = sum_four(x[i], x[known(i + 1)], x[known(i + 2)], x[known(i + 3)]);
#pragma GCC unroll 4
      for (int j = 0; j < 4 && i + j < Count; ++j) sums[i + j] = four[j];
    }
  }
};

}  // namespace

const Streams streams_avx2 = StreamCode<Avx2>::all(interleaved_avx2);

}  // namespace stemma::cpu
#endif

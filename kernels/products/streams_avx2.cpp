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
  template <int Count>
  STEMMA_INLINE void sum(const Vector (&x)[Count], float (&sums)[Count]) {
    for (int i = 0; i < Count; ++i) {
      float total = 0;
#pragma GCC unroll 8
      for (int lane = 0; lane < lanes; ++lane) total += x[i][lane];
      sums[i] = total;
    }
  }
};

}  // namespace

const Streams streams_avx2 = StreamCode<Avx2>::all();

}  // namespace stemma::cpu
#endif

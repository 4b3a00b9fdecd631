#include "kernels/products/streams.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma GCC target("arch=x86-64-v4")
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // g++ 12 of its own intrinsics
#include "kernels/products/lanes_avx512.h"
#include "kernels/products/streams_code.h"

namespace stemma::cpu {
namespace {

struct Avx512 {
  static constexpr int tall = 3;
  static constexpr int lanes = 16;
  typedef float Vector __attribute__((vector_size(64), may_alias));
  typedef float Loose __attribute__((vector_size(64), aligned(1), may_alias));
  typedef int Ints __attribute__((vector_size(64), may_alias));
  STEMMA_INLINE __m128i bytes(const std::byte* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }
  STEMMA_INLINE __m256i shorts(const std::byte* at) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)); }

  STEMMA_INLINE Vector f32(const std::byte* at) { return *reinterpret_cast<const Loose*>(at); }
  STEMMA_INLINE Vector f16(const std::byte* at) { return _mm512_cvtph_ps(shorts(at)); }
  STEMMA_INLINE Ints u16(const std::byte* at) { return (Ints)_mm512_cvtepu16_epi32(shorts(at)); }
  STEMMA_INLINE Ints u8(const std::byte* at) { return (Ints)_mm512_cvtepu8_epi32(bytes(at)); }
  STEMMA_INLINE Ints i8(const std::byte* at) { return (Ints)_mm512_cvtepi8_epi32(bytes(at)); }
  STEMMA_INLINE Vector floats(Ints x) { return _mm512_cvtepi32_ps((__m512i)x); }
  STEMMA_INLINE float half(const std::byte* at) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_loadu_si16(at))); }
  STEMMA_INLINE Ints counting() { return Ints{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}; }
  STEMMA_INLINE void hold(Vector& x) { asm("" : "+v"(x)); }  // g++ would load it for each product
  template <int Count>
  STEMMA_INLINE void sum(const Vector (&x)[Count], float (&sums)[Count]) {
    sum_lanes(reinterpret_cast<const __m512(&)[Count]>(x), sums);
  }
};

}  // namespace

const Streams streams_avx512 = StreamCode<Avx512>::all(interleaved_avx2);

const Streams& streams_vnni() {
  static const Streams streams = [] {
    Streams all = streams_avx512;
    all.multiply_interleaved = interleaved_vnni;
    all.interleaved_bytes = 4;
    return all;
  }();
  return streams;
}

}  // namespace stemma::cpu
#endif

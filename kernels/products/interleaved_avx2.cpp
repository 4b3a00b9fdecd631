#include <cassert>

#include "kernels/products/matrix_tiles.h"
#include "kernels/products/matrix_unit.h"
#include "kernels/products/streams.h"
#include "kernels/scratch.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma GCC target("arch=x86-64-v3")
#include "kernels/products/interleaved_code.h"

namespace stemma::cpu {
namespace {

// A lane has two columns of a row, as words. Bytes of two vectors of rows become them half a lane at a time, which
// takes less than going across: rows 0 to 3 and 8 to 11, then the others.
struct Avx2 {
  static constexpr int lanes = 8, vectors = 2, unit = 2, planes = 1;
  static constexpr int signed_offset = 0;
  static constexpr int rows_of_unit = 0;
  static constexpr bool in_order = false;
  static constexpr int tall(int rows) { return rows; }
  static constexpr int wide(int rows) { return rows == 1 ? 4 : rows <= 4 ? 2 : 1; }
  using Word = uint16_t;
  typedef Word Words __attribute__((vector_size(32), may_alias));
  typedef Words LooseWords __attribute__((aligned(1)));
  typedef int Ints __attribute__((vector_size(32), may_alias));
  typedef float Floats __attribute__((vector_size(32), may_alias));

  STEMMA_INLINE void add(Ints& sum, Ints&, Ints w, const std::byte* x) {
    int two;
    __builtin_memcpy(&two, x, sizeof two);
    sum += (Ints)_mm256_madd_epi16((__m256i)w, (__m256i)(Ints{} + two));
  }
  STEMMA_INLINE Ints total(Ints sum, Ints) { return sum; }

  STEMMA_INLINE Ints bytes(Words x, int v) {
    const __m256i from = (__m256i)x, zero = _mm256_setzero_si256();
    return (Ints)(v == 0 ? _mm256_unpacklo_epi8(from, zero) : _mm256_unpackhi_epi8(from, zero));
  }
  // The two bits of each word from the `first` on, as the fifth bits of its bytes.
  STEMMA_INLINE Words fifths(Words bits, int first) {
    bits >>= first;
    return ((bits << 4) & 0x0010) | ((bits << 11) & 0x1000);
  }
  STEMMA_INLINE Floats floats(Words x, int v) {
    const __m256i from = (__m256i)x;
    return floats((Ints)(v == 0 ? _mm256_unpacklo_epi16(from, from) : _mm256_unpackhi_epi16(from, from)) >> 16);
  }
  STEMMA_INLINE Floats halves(Words x, int v) {
    const __m256i from = _mm256_permute4x64_epi64((__m256i)x, 0xD8);
    return _mm256_cvtph_ps(v == 0 ? _mm256_castsi256_si128(from) : _mm256_extracti128_si256(from, 1));
  }
  STEMMA_INLINE Floats halves(const std::byte* at) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
  }
  STEMMA_INLINE Ints signed_bytes(const std::byte* at) {
    return (Ints)_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
  }
  STEMMA_INLINE void arrange(Floats* x, int count) {
    for (; count > 0; count -= 2, x += 2) {
      const __m256 first = _mm256_permute2f128_ps(x[0], x[1], 0x20);
      x[1] = _mm256_permute2f128_ps(x[0], x[1], 0x31);
      x[0] = first;
    }
  }
  STEMMA_INLINE Floats floats(Ints x) { return _mm256_cvtepi32_ps((__m256i)x); }
};

}  // namespace

using Code = InterleavedCode<Avx2>;
const Multiply interleaved_avx2[weight_types] = {nullptr,    nullptr,    nullptr,    Code::q4_0, Code::q4_1, Code::q5_0,
                                                 Code::q5_1, Code::q8_0, Code::q4_k, Code::q5_k, Code::q6_k};

}  // namespace stemma::cpu
#endif

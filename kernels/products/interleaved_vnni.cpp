#include <cassert>

#include "kernels/products/streams.h"
#include "kernels/scratch.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma GCC target("arch=x86-64-v4", "avx512vnni")
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // g++ 12 of its own intrinsics
#include "kernels/products/interleaved_code.h"

namespace stemma::cpu {
namespace {

struct Vnni {
  static constexpr int lanes = 16, vectors = 1;
  static constexpr int wide(int) { return 2; }
  typedef uint16_t Words __attribute__((vector_size(32), may_alias));
  typedef uint16_t LooseWords __attribute__((vector_size(32), aligned(1), may_alias));
  typedef int16_t Shorts __attribute__((vector_size(64), may_alias));
  typedef int Ints __attribute__((vector_size(64), may_alias));
  typedef float Floats __attribute__((vector_size(64), may_alias));

  STEMMA_INLINE Ints bytes(Words x, int) { return (Ints)_mm512_cvtepu8_epi16((__m256i)x); }
  STEMMA_INLINE Floats floats(Words x, int) { return floats((Ints)_mm512_cvtepi16_epi32((__m256i)x)); }
  STEMMA_INLINE Floats halves(Words x, int) { return _mm512_cvtph_ps((__m256i)x); }
  STEMMA_INLINE Floats halves(const std::byte* at) { return halves(*reinterpret_cast<const LooseWords*>(at), 0); }
  STEMMA_INLINE Ints signed_bytes(const std::byte* at) {
    return (Ints)_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
  }
  STEMMA_INLINE void arrange(Floats*, int) {}  // they are in order
  STEMMA_INLINE Floats floats(Ints x) { return _mm512_cvtepi32_ps((__m512i)x); }
  STEMMA_INLINE void add_products(Ints& sum, Ints a, Ints b) {
    asm("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));  // g++ would spill sums
  }
};

}  // namespace

using Code = InterleavedCode<Vnni>;
const Multiply interleaved_vnni[weight_types] = {nullptr,    nullptr,    nullptr,    Code::q4_0, Code::q4_1, Code::q5_0,
                                                 Code::q5_1, Code::q8_0, Code::q4_k, Code::q5_k, Code::q6_k};

}  // namespace stemma::cpu
#endif

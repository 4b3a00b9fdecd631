#include "kernels/products/tiles.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma GCC target("arch=x86-64-v4", "avx512bf16")
#include "kernels/products/small_product_code.h"

namespace stemma::cpu {
namespace {

struct Pairs {
  template <class Vector>
  static inline __attribute__((always_inline)) Vector add(Vector sum, float a, Vector b) {
    return (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_ps(a), (__m512bh)b);
  }
};

void round(const float* x, int64_t count, uint16_t* to) {
  for (; count >= 16; count -= 16, x += 16, to += 16)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(x)));
  const auto last = static_cast<__mmask16>((1 << count) - 1);
  _mm256_mask_storeu_epi16(to, last, (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(last, x)));
}

}  // namespace

const Tiles& tiles_bf16() {
  static const Tiles tiles = [] {
    Tiles all = tiles_avx512;
    all.product_of_pairs = SmallProductCode<16, 8, 3, Pairs>::product;
    all.round = round;
    return all;
  }();
  return tiles;
}

}  // namespace stemma::cpu
#endif

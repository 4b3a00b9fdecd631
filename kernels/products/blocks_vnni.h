// Blocks of ggml's formats as whole numbers of 16 bits, the layouts of kernels/quants.cpp. Included after a file has
// named its instruction set, as kernels/products/stream_passes.h is, which comes before it.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/products/stream_passes.h"

namespace stemma::cpu {
namespace {

STEMMA_INLINE float half(const std::byte* at) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_loadu_si16(at))); }
STEMMA_INLINE __m128i bytes16(const std::byte* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }
STEMMA_INLINE __m256i bytes32(const std::byte* at) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)); }

// 32 weights of one scale, step * whole + base, the layouts of kernels/quants.cpp.
struct Words {
  __m256i first, second;
};
struct Q8_0 {
  static constexpr int bytes = 34;
  static constexpr bool based = false;
  STEMMA_INLINE Words whole(const std::byte* block) {
    return {_mm256_cvtepi8_epi16(bytes16(block + 2)), _mm256_cvtepi8_epi16(bytes16(block + 18))};
  }
  STEMMA_INLINE float base(const std::byte*, float) { return 0; }
};
template <int Bytes, bool Fifths, bool Minimum>
struct Small {
  static constexpr int bytes = Bytes, head = Minimum ? 4 : 2;
  static constexpr bool based = true;
  STEMMA_INLINE Words whole(const std::byte* block) {
    const __m256i both = _mm256_cvtepu8_epi16(bytes16(block + head + (Fifths ? 4 : 0)));
    Words words = {_mm256_and_si256(both, _mm256_set1_epi16(15)), _mm256_srli_epi16(both, 4)};
    if constexpr (Fifths) {
      uint32_t bits;
      __builtin_memcpy(&bits, block + head, sizeof bits);
      const __m256i fifth = _mm256_set1_epi16(16);
      words.first = _mm256_mask_add_epi16(words.first, static_cast<__mmask16>(bits), words.first, fifth);
      words.second = _mm256_mask_add_epi16(words.second, static_cast<__mmask16>(bits >> 16), words.second, fifth);
    }
    return words;
  }
  STEMMA_INLINE float base(const std::byte* block, float step) {
    return Minimum ? half(block + 2) : (Fifths ? -16 : -8) * step;
  }
};

// 256 weights in groups of 32, step * scale * whole - base * minimum: `scaled` is scale * whole of a group, which fits
// 16 bits, and sums of 16 products with 16 bits fit 32.
struct Scales {
  alignas(16) int16_t scale[8];
  __m256 minimum;  // of the 8 groups

  // 8 pairs of 6 bits in 12 bytes.
  explicit Scales(const std::byte* at) {
    uint32_t a, b, c;
    __builtin_memcpy(&a, at, 4), __builtin_memcpy(&b, at + 4, 4), __builtin_memcpy(&c, at + 8, 4);
    constexpr uint32_t six = 0x3F3F3F3F, four = 0x0F0F0F0F, two = 0x03030303;
    const auto pair = [](uint32_t low, uint32_t high) {
      return _mm_cvtsi64_si128(static_cast<int64_t>(low | static_cast<uint64_t>(high) << 32));
    };
    _mm_store_si128(reinterpret_cast<__m128i*>(scale),
                    _mm_cvtepu8_epi16(pair(a & six, (c & four) | ((a >> 6) & two) << 4)));
    minimum = _mm256_cvtepi32_ps(
        _mm256_cvtepu8_epi32(pair(b & six, ((c >> 4) & four) | ((b >> 6) & two) << 4)));
  }
};
template <int Bytes, bool Fifths>
struct Pairs {
  static constexpr int bytes = Bytes;
  static constexpr bool based = true;
  const std::byte* block;
  Scales scales;

  explicit Pairs(const std::byte* at) : block(at), scales(at + 4) {}
  float step() const { return half(block); }
  float scale(int group) const { return scales.scale[group]; }
  __m256 base() const { return _mm256_mul_ps(_mm256_set1_ps(-half(block + 2)), scales.minimum); }
  template <int Group>
  __m256i whole() const {
    __m256i four = bytes32(block + (Fifths ? 48 : 16) + 32 * (Group / 2));
    if constexpr (Group % 2) four = _mm256_srli_epi16(four, 4);
    four = _mm256_and_si256(four, _mm256_set1_epi8(15));
    if constexpr (Fifths) {
      const __m256i bit = _mm256_set1_epi8(static_cast<char>(1 << Group));
      const __mmask32 set = _mm256_test_epi8_mask(bytes32(block + 16), bit);
      four = _mm256_mask_add_epi8(four, set, four, _mm256_set1_epi8(16));
    }
    return four;
  }
  template <int Group>
  __m512i scaled() const {
    return _mm512_mullo_epi16(_mm512_cvtepu8_epi16(whole<Group>()), _mm512_set1_epi16(scales.scale[Group]));
  }
};
struct Q6_K {
  static constexpr int bytes = 210;
  static constexpr bool based = false;
  const std::byte* block;
  __m512i scales;  // of each 16 weights, in the low half

  explicit Q6_K(const std::byte* at)
      : block(at), scales(_mm512_castsi256_si512(_mm256_cvtepi8_epi16(bytes16(at + 192)))) {}
  float step() const { return half(block + 208); }
  float scale(int half_group) const { return static_cast<int8_t>(block[192 + half_group]); }
  __m256 base() const { return _mm256_setzero_ps(); }
  template <int Group>
  __m256i whole() const {
    constexpr int side = Group / 4, quarter = Group % 4;
    __m256i low = bytes32(block + 64 * side + 32 * (quarter % 2)), high = bytes32(block + 128 + 32 * side);
    if constexpr (quarter >= 2) low = _mm256_srli_epi16(low, 4);
    low = _mm256_and_si256(low, _mm256_set1_epi8(15));
    if constexpr (quarter < 2) high = _mm256_slli_epi16(high, 4 - 2 * quarter);
    if constexpr (quarter == 3) high = _mm256_srli_epi16(high, 2);
    high = _mm256_and_si256(high, _mm256_set1_epi8(0x30));
    return _mm256_sub_epi8(_mm256_or_si256(low, high), _mm256_set1_epi8(32));
  }
  template <int Group>
  __m512i scaled() const {
    const __m512i places = _mm512_inserti64x4(_mm512_set1_epi16(2 * Group), _mm256_set1_epi16(2 * Group + 1), 1);
    return _mm512_mullo_epi16(_mm512_cvtepi8_epi16(whole<Group>()), _mm512_permutexvar_epi16(places, scales));
  }
};

}  // namespace
}  // namespace stemma::cpu
#endif

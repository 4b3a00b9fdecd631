// Blocks of ggml's formats without turning their weights into floats: whole numbers of 16 bits are multiplied and added
// in pairs, and only a block's sum becomes a float. Rows of x are rounded to 16 bits for it, each block to its own
// scale, which is 2^-16 of the block's largest number at most; other programs round them to 8.
#include "kernels/products/streams.h"
#if defined(__x86_64__)
#include <immintrin.h>

#include <utility>
#pragma GCC target("arch=x86-64-v4", "avx512vnni")
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // g++ 12 of its own intrinsics
#include "kernels/products/blocks_vnni.h"
#include "kernels/products/stream_passes.h"

namespace stemma::cpu {
namespace {

constexpr int together = StreamRows::together;

STEMMA_INLINE __m256i words16(const int16_t* at) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(at)); }
STEMMA_INLINE __m512i words32(const int16_t* at) { return _mm512_load_si512(at); }
STEMMA_INLINE float sum(__m256 x) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

template <class Block>
struct SmallWay {
  static constexpr int tall = 2, unit = 32, piece = Block::bytes, number = 2;

  template <int Height, int Rows>
  struct Sums {
    __m256 of[Height * Rows], bases[Height];  // bases: rows of x in the lanes
    void clear() {
#pragma GCC unroll 16
      for (__m256& sum : of) sum = _mm256_setzero_ps();
#pragma GCC unroll 2
      for (__m256& base : bases) base = _mm256_setzero_ps();
    }
  };

  template <int Height, int Rows, bool Soon>
  STEMMA_INLINE void add(const Stream& s, const std::byte* w, int64_t first, const Part<Soon>& part,
                         Sums<Height, Rows>& sums) {
    const int64_t before = first * (s.columns / unit) + part.begin * Rows;  // blocks of x
    const int16_t* x = s.near.whole + before * unit;
    const float *scales = s.near.scales + before, *x_sums = s.near.sums + before;
    for (int64_t i = part.begin; i < part.end; ++i, x += 32 * Rows, scales += Rows, x_sums += Rows) {
      Words own[Height];
      alignas(32) float factors[Height][together];
#pragma GCC unroll 2
      for (int h = 0; h < Height; ++h) {
        if constexpr (Rows > 1) part.template fetch<piece>(i, h);
        const std::byte* block = w + h * s.w_stride + i * piece;
        own[h] = Block::whole(block);
        const float step = half(block);
        _mm256_store_ps(factors[h], _mm256_mul_ps(_mm256_set1_ps(step), _mm256_loadu_ps(scales)));
        if constexpr (Block::based)
          sums.bases[h] =
              _mm256_fmadd_ps(_mm256_set1_ps(Block::base(block, step)), _mm256_loadu_ps(x_sums), sums.bases[h]);
      }
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r) {
        const __m256i one = words16(x + 32 * r), two = words16(x + 32 * r + 16);
#pragma GCC unroll 2
        for (int h = 0; h < Height; ++h) {
          const __m256i dot =
              _mm256_dpwssd_epi32(_mm256_dpwssd_epi32(_mm256_setzero_si256(), own[h].first, one), own[h].second, two);
          __m256& sum = sums.of[h * Rows + r];
          sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), _mm256_set1_ps(factors[h][r]), sum);
        }
      }
    }
  }

  template <int Height, int Rows>
  STEMMA_INLINE void finish(const Stream& s, const std::byte*, int64_t, const Sums<Height, Rows>& sums, float* y) {
#pragma GCC unroll 2
    for (int h = 0; h < Height; ++h) {
      alignas(32) float base[together];
      _mm256_store_ps(base, sums.bases[h]);
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r) y[r * s.y_stride + h] = sum(sums.of[h * Rows + r]) + base[r];
    }
  }
};

template <class Block>
struct LargeWay {
  static constexpr int tall = 1, unit = 256, piece = Block::bytes, number = 2;

  template <int Height, int Rows>
  struct Sums {
    __m512 of[Rows];
    __m256 bases[Rows];
    void clear() {
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r) of[r] = _mm512_setzero_ps(), bases[r] = _mm256_setzero_ps();
    }
  };

  template <int Height, int Rows, bool Soon>
  STEMMA_INLINE void add(const Stream& s, const std::byte* w, int64_t first, const Part<Soon>& part,
                         Sums<Height, Rows>& sums) {
    const int64_t before = first * (s.columns / unit) + part.begin * Rows;  // blocks of x
    const int16_t* x = s.near.whole + before * unit;
    const float *scales = s.near.scales + before, *x_sums = s.near.sums + before * 8;
    for (int64_t i = part.begin; i < part.end; ++i, x += unit * Rows, scales += Rows, x_sums += 8 * Rows) {
      if constexpr (Rows > 1) part.template fetch<piece>(i, 0);
      const Block block(w + i * piece);
      __m512i dots[Rows];
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r) dots[r] = _mm512_setzero_si512();
      [&]<size_t... Group>(std::index_sequence<Group...>) __attribute__((always_inline)) {
        const auto add = [&](__m512i words, const int16_t* there) __attribute__((always_inline)) {
#pragma GCC unroll 8
          for (int r = 0; r < Rows; ++r) dots[r] = _mm512_dpwssd_epi32(dots[r], words, words32(there + 32 * r));
        };
        (add(block.template scaled<Group>(), x + 32 * Rows * Group), ...);
      }
      (std::make_index_sequence<8>());
      const float step = block.step();
      const __m256 base = block.base();
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r) {
        sums.of[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[r]), _mm512_set1_ps(step * scales[r]), sums.of[r]);
        if constexpr (Block::based)
          sums.bases[r] = _mm256_fmadd_ps(base, _mm256_loadu_ps(x_sums + 8 * r), sums.bases[r]);
      }
    }
  }

  template <int Height, int Rows>
  STEMMA_INLINE void finish(const Stream& s, const std::byte*, int64_t, const Sums<Height, Rows>& sums, float* y) {
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      const __m512 all = sums.of[r];
      const __m256 half_sum = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
      y[r * s.y_stride] = sum(_mm256_add_ps(half_sum, sums.bases[r]));
    }
  }
};

Streams with_whole_numbers() {
  Streams streams = streams_avx512;
  const auto set = [&](WeightType type, RowForm form, void (*multiply)(const Stream&)) {
    streams.multiply[static_cast<size_t>(type)] = multiply;
    streams.form[static_cast<size_t>(type)] = form;
  };
  set(WeightType::q4_0, RowForm::whole_32, Passes<SmallWay<Small<18, false, false>>>::multiply);
  set(WeightType::q4_1, RowForm::whole_32, Passes<SmallWay<Small<20, false, true>>>::multiply);
  set(WeightType::q5_0, RowForm::whole_32, Passes<SmallWay<Small<22, true, false>>>::multiply);
  set(WeightType::q5_1, RowForm::whole_32, Passes<SmallWay<Small<24, true, true>>>::multiply);
  set(WeightType::q8_0, RowForm::whole_32, Passes<SmallWay<Q8_0>>::multiply);
  set(WeightType::q4_k, RowForm::whole_256, Passes<LargeWay<Pairs<144, false>>>::multiply);
  set(WeightType::q5_k, RowForm::whole_256, Passes<LargeWay<Pairs<176, true>>>::multiply);
  set(WeightType::q6_k, RowForm::whole_256, Passes<LargeWay<Q6_K>>::multiply);
  add_panels_vnni(streams);
  add_interleaved_vnni(streams);
  return streams;
}

}  // namespace

const Streams& streams_vnni() {
  static const Streams streams = with_whole_numbers();
  return streams;
}

}  // namespace stemma::cpu
#endif

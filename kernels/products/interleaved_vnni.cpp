// Interleaved blocks (kernels/products/interleaved.h) with any number of rows of x, in whole numbers of 16 bits: a row
// of y has the same bits however many there are. For each row of x a vector's pairs of columns take one instruction,
// which is half of what a block takes where rows lie apart, and nothing is added across lanes.
#include <algorithm>
#include <cassert>

#include "kernels/products/interleaved.h"
#include "kernels/scratch.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma GCC target("arch=x86-64-v4", "avx512vnni")
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // g++ 12 of its own intrinsics
#include "kernels/products/panel_rows_vnni.h"

namespace stemma::cpu {
namespace {

constexpr int64_t few = 2 * together;  // rows of x that take longer to make ready for

// 32 rows of blocks, each of `Groups` times 32 columns.
template <WeightType Type, int Groups>
struct Interleaved {
  static constexpr int width = interleaved_rows / lanes, steps = 1, ahead = 8192;
  static constexpr int of_blocks = weight_formats[static_cast<size_t>(Type)].bytes * interleaved_rows;
  static constexpr int bytes = of_blocks / Groups;
  const std::byte* block;
  int group = 0;

  void operator++() {
    if (++group == Groups) group = 0, block += of_blocks;
  }
  const std::byte* at() const { return block + group * bytes; }

  // Bytes i and i + 1 of each of the v-th 16 rows, and byte i alone.
  __m256i two(int v, int i) const {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + i * interleaved_rows + 2 * lanes * v));
  }
  __m512i one(int v, int i) const {
    return _mm512_and_si512(_mm512_cvtepu16_epi32(shifted(two(v, i & ~1), i % 2 * 8)), _mm512_set1_epi32(255));
  }
  __m512 half(int v, int i) const { return _mm512_cvtph_ps(two(v, i)); }
  __m512 step(int v, int) const { return half(v, 0); }

  static __m256i shifted(__m256i words, int bits) { return _mm256_srl_epi16(words, _mm_cvtsi32_si128(bits)); }
  static __m256i nibbles(__m256i words, int bits) {
    return _mm256_and_si256(shifted(words, bits), _mm256_set1_epi8(15));
  }
};

struct Whole : Interleaved<WeightType::q8_0, 1> {
  static constexpr bool based = false, opens = false;
  __m512i pairs(int v, int k) const { return _mm512_cvtepi8_epi16(two(v, 2 + 2 * k)); }
};

template <WeightType Type, bool Fifths, bool Minimum>
struct Nibbles : Interleaved<Type, 1> {
  static constexpr bool based = true, opens = true;
  static constexpr int head = Minimum ? 4 : 2;
  using Of = Interleaved<Type, 1>;
  using Of::two, Of::half, Of::nibbles;

  __m512i pairs(int v, int k) const {
    const __m512i whole = _mm512_cvtepu8_epi16(nibbles(two(v, head + (Fifths ? 4 : 0) + 2 * (k % 8)), k / 8 * 4));
    if constexpr (!Fifths) return whole;
    const __m512i half_of_bits = _mm512_cvtepu16_epi32(two(v, head + 2 * (k / 8)));
    const __m512i bits = _mm512_srl_epi32(half_of_bits, _mm_cvtsi32_si128(2 * (k % 8)));  // the pair's two are lowest
    const __m512i apart = _mm512_or_si512(_mm512_slli_epi32(bits, 4), _mm512_slli_epi32(bits, 19));
    return _mm512_or_si512(whole, _mm512_and_si512(apart, _mm512_set1_epi32(0x00100010)));
  }
  __m512 base(int v) const {
    return Minimum ? half(v, 2) : _mm512_mul_ps(half(v, 0), _mm512_set1_ps(Fifths ? -16 : -8));
  }
};

template <WeightType Type, bool Fifths>
struct ScaledPairs : Interleaved<Type, 8> {
  static constexpr bool based = true, opens = true;
  using Of = Interleaved<Type, 8>;
  using Of::group, Of::two, Of::one, Of::half, Of::nibbles, Of::shifted;

  __m512i pairs(int v, int k) const {
    __m256i whole = nibbles(two(v, (Fifths ? 48 : 16) + 32 * (group / 2) + 2 * k), group % 2 * 4);
    if constexpr (Fifths) {
      const __m256i bits = _mm256_and_si256(shifted(two(v, 16 + 2 * k), group), _mm256_set1_epi8(1));
      whole = _mm256_or_si256(whole, _mm256_slli_epi16(bits, 4));
    }
    return _mm512_cvtepu8_epi16(whole);
  }
  __m512 step(int v, int) const {
    return _mm512_mul_ps(half(v, 0), packed(v, 4 + group + (group < 4 ? 0 : 4), 0, group));
  }
  __m512 base(int v) const {
    const __m512 minimum = packed(v, 8 + group, group < 4 ? 0 : 4, 4 + group);
    return _mm512_mul_ps(_mm512_sub_ps(_mm512_setzero_ps(), half(v, 2)), minimum);
  }

 private:
  // The six lowest bits of byte i for the first four groups; for the others four bits of it and the two highest of
  // byte j. Without a branch, for which g++ would keep sums of products in memory.
  __m512 packed(int v, int i, int shift, int j) const {
    const auto first = static_cast<uint32_t>(group < 4);
    const __m512i low = _mm512_and_si512(_mm512_srl_epi32(one(v, i), _mm_cvtsi32_si128(shift)),
                                         _mm512_set1_epi32(static_cast<int>(15 + 48 * first)));
    const __m512i high =
        _mm512_and_si512(_mm512_srli_epi32(one(v, j), 2), _mm512_set1_epi32(static_cast<int>(48 * (1 - first))));
    return _mm512_cvtepi32_ps(_mm512_or_si512(low, high));
  }
};

struct Sixes : Interleaved<WeightType::q6_k, 8> {
  static constexpr bool based = false, opens = true;
  static constexpr int steps = 2;

  __m512i pairs(int v, int k) const {
    const int side = group / 4, quarter = group % 4;
    const __m256i low = nibbles(two(v, 64 * side + 32 * (quarter % 2) + 2 * k), quarter / 2 * 4);
    const __m256i high = _mm256_and_si256(shifted(two(v, 128 + 32 * side + 2 * k), 2 * quarter), _mm256_set1_epi8(3));
    return _mm512_cvtepi8_epi16(
        _mm256_sub_epi8(_mm256_or_si256(low, _mm256_slli_epi16(high, 4)), _mm256_set1_epi8(32)));
  }
  __m512 step(int v, int i) const {
    const __m512i scale = _mm512_srai_epi32(_mm512_slli_epi32(one(v, 192 + 2 * group + i), 24), 24);
    return _mm512_mul_ps(half(v, 208), _mm512_cvtepi32_ps(scale));
  }
};

// For many rows of x, of which all but the first find it in the caches. Where one instruction makes its pairs it stays
// as it lies, which is smaller.
template <class Panel>
struct Near : Panel {
  static constexpr int ahead = 0;
};
// Else it is made ready.
template <class Panel>
struct Opened {
  static constexpr int width = Panel::width, steps = Panel::steps;
  static constexpr bool based = Panel::based;
  __m512i pairs_of[lanes][width];
  __m512 step_of[steps][width], base_of[width];

  void open(const Panel& panel) {
    for (int v = 0; v < width; ++v) {
      for (int k = 0; k < lanes; ++k) pairs_of[k][v] = panel.pairs(v, k);
      for (int i = 0; i < steps; ++i) step_of[i][v] = panel.step(v, i);
      if constexpr (based) base_of[v] = panel.base(v);
    }
  }
  __m512i pairs(int v, int k) const { return pairs_of[k][v]; }
  __m512 step(int v, int i) const { return step_of[i][v]; }
  __m512 base(int v) const { return base_of[v]; }
};

template <class Panel>
void multiply(const Stream& s) {
  assert(s.begin % interleaved_rows == 0 && s.end - s.begin <= interleaved_rows);
  Panel w{s.w + s.begin * s.w_stride};
  if (s.rows <= few) return multiply_all(w, s, 0, s.columns);
  if constexpr (!Panel::opens) return multiply_all(Near<Panel>{w}, s, 0, s.columns);
  using Ready = Opened<Panel>;
  thread_local Scratch kept;
  auto* const ready =
      reinterpret_cast<Ready*>(kept.make<std::byte>(part / piece * static_cast<int64_t>(sizeof(Ready))));
  for (int64_t begin = 0; begin < s.columns; begin += part) {
    const int64_t end = std::min(begin + part, s.columns);
    for (int64_t i = 0; i < (end - begin) / piece; ++i, ++w) ready[i].open(w);
    multiply_all(Row<Ready>{ready}, s, begin, end);
  }
}

}  // namespace

const Streams& streams_vnni() {
  static const Streams streams = [] {
    Streams all = streams_avx512;
    const auto set = [&](WeightType type, void (*multiply)(const Stream&)) {
      all.multiply_interleaved[static_cast<size_t>(type)] = multiply;
    };
    set(WeightType::q4_0, multiply<Nibbles<WeightType::q4_0, false, false>>);
    set(WeightType::q4_1, multiply<Nibbles<WeightType::q4_1, false, true>>);
    set(WeightType::q5_0, multiply<Nibbles<WeightType::q5_0, true, false>>);
    set(WeightType::q5_1, multiply<Nibbles<WeightType::q5_1, true, true>>);
    set(WeightType::q8_0, multiply<Whole>);
    set(WeightType::q4_k, multiply<ScaledPairs<WeightType::q4_k, false>>);
    set(WeightType::q5_k, multiply<ScaledPairs<WeightType::q5_k, true>>);
    set(WeightType::q6_k, multiply<Sixes>);
    return all;
  }();
  return streams;
}

}  // namespace stemma::cpu
#endif

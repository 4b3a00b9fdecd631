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
#include "kernels/products/blocks_vnni.h"
#include "kernels/products/panel_rows_vnni.h"

namespace stemma::cpu {
namespace {

constexpr int64_t few = 2 * together;  // rows of x that take longer to make ready for

// 32 rows of a block, which has `Bytes`.
template <int Bytes>
struct Interleaved {
  static constexpr int width = interleaved_rows / lanes, steps = 1, ahead = 8192;
  std::byte bytes[Bytes * interleaved_rows];

  // Bytes i and i + 1 of each of the v-th 16 rows.
  __m256i two(int v, int i) const { return bytes32(bytes + i * interleaved_rows + 2 * lanes * v); }
  __m512 half(int v, int i) const { return _mm512_cvtph_ps(two(v, i)); }
  __m512 step(int v, int) const { return half(v, 0); }
};

struct Whole : Interleaved<Q8_0::bytes> {
  static constexpr bool based = false, opens = false;
  __m512i pairs(int v, int k) const { return _mm512_cvtepi8_epi16(two(v, 2 + 2 * k)); }
};

template <int Bytes, bool Fifths, bool Minimum>
struct Nibbles : Interleaved<Bytes> {
  static constexpr bool based = true, opens = true;
  static constexpr int head = Minimum ? 4 : 2;
  using Interleaved<Bytes>::two, Interleaved<Bytes>::half;

  __m512i pairs(int v, int k) const {
    const __m256i both = two(v, head + (Fifths ? 4 : 0) + 2 * (k % 8));
    const __m256i four = _mm256_srl_epi16(both, _mm_cvtsi32_si128(k / 8 * 4));
    const __m512i whole = _mm512_cvtepu8_epi16(_mm256_and_si256(four, _mm256_set1_epi8(15)));
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

// A Panel for many rows of x, of which all but the first find it in the caches: where it does not open, as it lies,
// since one instruction makes its pairs and it is smaller so.
template <class Panel>
struct Near : Panel {
  static constexpr int ahead = 0;
};
// Else made ready.
template <class Panel>
struct Opened {
  static constexpr int width = Panel::width, steps = 1, ahead = 0;
  static constexpr bool based = Panel::based;
  __m512i pairs_of[lanes][width];
  __m512 step_of[width], base_of[width];

  void open(const Panel& panel) {
    for (int v = 0; v < width; ++v) {
      for (int k = 0; k < lanes; ++k) pairs_of[k][v] = panel.pairs(v, k);
      step_of[v] = panel.step(v, 0);
      if constexpr (based) base_of[v] = panel.base(v);
    }
  }
  __m512i pairs(int v, int k) const { return pairs_of[k][v]; }
  __m512 step(int v, int) const { return step_of[v]; }
  __m512 base(int v) const { return base_of[v]; }
};

template <class Panel>
void multiply(const Stream& s) {
  assert(s.begin % interleaved_rows == 0 && s.end - s.begin == interleaved_rows);
  const auto* w = reinterpret_cast<const Panel*>(s.w + s.begin * s.w_stride);
  constexpr __mmask16 all = 0xFFFF;
  if (s.rows <= few) return multiply_all(w, s, 0, s.columns, all);
  if constexpr (!Panel::opens) return multiply_all(reinterpret_cast<const Near<Panel>*>(w), s, 0, s.columns, all);
  using Ready = Opened<Panel>;
  thread_local Scratch kept;
  auto* const ready =
      reinterpret_cast<Ready*>(kept.make<std::byte>(part / piece * static_cast<int64_t>(sizeof(Ready))));
  for (int64_t begin = 0; begin < s.columns; begin += part) {
    const int64_t end = std::min(begin + part, s.columns);
    for (int64_t c = begin; c < end; c += piece) ready[(c - begin) / piece].open(w[c / piece]);
    multiply_all(ready, s, begin, end, all);
  }
}

}  // namespace

void add_interleaved_vnni(Streams& streams) {
  const auto set = [&](WeightType type, void (*multiply)(const Stream&)) {
    streams.multiply_interleaved[static_cast<size_t>(type)] = multiply;
  };
  set(WeightType::q4_0, multiply<Nibbles<18, false, false>>);
  set(WeightType::q4_1, multiply<Nibbles<20, false, true>>);
  set(WeightType::q5_0, multiply<Nibbles<22, true, false>>);
  set(WeightType::q5_1, multiply<Nibbles<24, true, true>>);
  set(WeightType::q8_0, multiply<Whole>);
}

}  // namespace stemma::cpu
#endif

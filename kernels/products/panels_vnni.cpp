// Many rows of x with blocks of ggml's formats: products of whole numbers of 16 bits, as in
// kernels/products/streams_vnni.cpp, at the rate of bf16. Rows of w lie across the lanes, so that the sum of a block's
// products is one lane's, and what is made of it serves 32 columns.
#include <algorithm>

#include "kernels/products/streams.h"
#include "kernels/scratch.h"
#if defined(__x86_64__)
#include <immintrin.h>

#include <utility>
#pragma GCC target("arch=x86-64-v4", "avx512vnni")
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // g++ 12 of its own intrinsics
#include "kernels/products/blocks_vnni.h"
#include "kernels/products/panel_rows_vnni.h"

namespace stemma::cpu {
namespace {

constexpr int widest = Streams::panel / lanes;

// 32 columns of 16 rows of w: step whole + base. Where there are two steps each is of 16 columns.
template <int Steps>
struct Tile {
  __m512i pairs[lanes];  // of columns, of each row; as they are read a row's 32 columns lie together
  float steps[Steps][lanes], bases[lanes];
};

// 16 x 16 numbers, in place.
STEMMA_INLINE void turn(__m512i (&x)[lanes]) {
  __m512i two[lanes], four[lanes];
#pragma GCC unroll 8
  for (int i = 0; i < lanes; i += 2)
    two[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]), two[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
#pragma GCC unroll 4
  for (int i = 0; i < lanes; i += 4)
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      four[i + 2 * j] = _mm512_unpacklo_epi64(two[i + j], two[i + j + 2]);
      four[i + 2 * j + 1] = _mm512_unpackhi_epi64(two[i + j], two[i + j + 2]);
    }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m512i low = _mm512_shuffle_i32x4(four[i], four[i + 4], 0x88),
                  high = _mm512_shuffle_i32x4(four[i + 8], four[i + 12], 0x88),
                  low_odd = _mm512_shuffle_i32x4(four[i], four[i + 4], 0xDD),
                  high_odd = _mm512_shuffle_i32x4(four[i + 8], four[i + 12], 0xDD);
    x[i] = _mm512_shuffle_i32x4(low, high, 0x88);
    x[i + 4] = _mm512_shuffle_i32x4(low_odd, high_odd, 0x88);
    x[i + 8] = _mm512_shuffle_i32x4(low, high, 0xDD);
    x[i + 12] = _mm512_shuffle_i32x4(low_odd, high_odd, 0xDD);
  }
}

// How a block of a row is read into tiles that lie `apart`, one for each 32 of its columns.
template <class Block>
struct Small32 {
  static constexpr int columns = 32, steps = 1, bytes = Block::bytes;
  static constexpr bool based = Block::based;
  STEMMA_INLINE void read(const std::byte* at, Tile<steps>* tile, int64_t, int row) {
    const Words words = Block::whole(at);
    tile->pairs[row] = _mm512_inserti64x4(_mm512_castsi256_si512(words.first), words.second, 1);
    tile->steps[0][row] = half(at);
    tile->bases[row] = Block::base(at, tile->steps[0][row]);
  }
};
template <class Block>
struct Large {
  static constexpr int columns = 256, bytes = Block::bytes;
  static constexpr bool based = Block::based;
  static constexpr int steps = based ? 1 : 2;
  STEMMA_INLINE void read(const std::byte* at, Tile<steps>* tiles, int64_t apart, int row) {
    const Block block(at);
    const float step = block.step();
    alignas(32) float bases[8];
    _mm256_store_ps(bases, block.base());
    [&]<size_t... Group>(std::index_sequence<Group...>) __attribute__((always_inline)) {
      const auto put = [&](Tile<steps> & tile, __m256i whole, size_t group) __attribute__((always_inline)) {
        tile.pairs[row] = _mm512_cvtepi8_epi16(whole);
        for (int i = 0; i < steps; ++i) tile.steps[i][row] = step * block.scale(static_cast<int>(group) * steps + i);
        tile.bases[row] = bases[group];
      };
      (put(tiles[static_cast<int64_t>(Group) * apart], block.template whole<Group>(), Group), ...);
    }
    (std::make_index_sequence<8>());
  }
};

// What stands of some tiles beside each other, for kernels/products/panel_rows_vnni.h.
template <class Reader, int Width>
struct Tiles {
  static constexpr int width = Width, steps = Reader::steps;
  static constexpr bool based = Reader::based;
  Tile<steps> of[Width];

  __m512i pairs(int v, int k) const { return of[v].pairs[k]; }
  __m512 step(int v, int i) const { return _mm512_load_ps(of[v].steps[i]); }
  __m512 base(int v) const { return _mm512_load_ps(of[v].bases); }
};

template <class Reader, int Width = widest>
void multiply(const Stream& s) {
  if constexpr (Width > 1)
    if (s.end - s.begin <= (Width - 1) * lanes) return multiply<Reader, Width - 1>(s);
  using Panel = Tiles<Reader, Width>;
  using Of = Tile<Reader::steps>;
  thread_local Scratch kept;
  std::byte* const panels = kept.make<std::byte>(part / piece * static_cast<int64_t>(sizeof(Panel)));
  const auto last = static_cast<__mmask16>(0xFFFF >> (Width * lanes - (s.end - s.begin)));
  for (int64_t begin = 0; begin < s.columns; begin += part) {
    const int64_t end = std::min(begin + part, s.columns);
    for (int64_t c = begin; c < end; c += Reader::columns)
      for (int v = 0; v < Width; ++v) {
        Of* tile = reinterpret_cast<Of*>(panels) + (c - begin) / piece * Width + v;
        for (int row = 0; row < lanes; ++row)  // the last row for those that are not there
          Reader::read(
              s.w + std::min(s.begin + v * lanes + row, s.end - 1) * s.w_stride + c / Reader::columns * Reader::bytes,
              tile, Width, row);
        for (int i = 0; i < Reader::columns / piece; ++i) turn(tile[i * Width].pairs);
      }
    multiply_all(Row<Panel>{reinterpret_cast<const Panel*>(panels)}, s, begin, end, last);
  }
}

}  // namespace

void add_panels_vnni(Streams& streams) {
  const auto set = [&](WeightType type, void (*multiply)(const Stream&)) {
    streams.multiply_panel[static_cast<size_t>(type)] = multiply;
  };
  set(WeightType::q4_0, multiply<Small32<Small<18, false, false>>>);
  set(WeightType::q4_1, multiply<Small32<Small<20, false, true>>>);
  set(WeightType::q5_0, multiply<Small32<Small<22, true, false>>>);
  set(WeightType::q5_1, multiply<Small32<Small<24, true, true>>>);
  set(WeightType::q8_0, multiply<Small32<Q8_0>>);
  set(WeightType::q4_k, multiply<Large<Pairs<144, false>>>);
  set(WeightType::q5_k, multiply<Large<Pairs<176, true>>>);
  set(WeightType::q6_k, multiply<Large<Q6_K>>);
}

}  // namespace stemma::cpu
#endif

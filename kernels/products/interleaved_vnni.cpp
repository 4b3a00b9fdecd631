#include <cassert>

#include "kernels/products/matrix_tiles.h"
#include "kernels/products/matrix_unit.h"
#include "kernels/products/streams.h"
#include "kernels/scratch.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma GCC target("arch=x86-64-v4", "avx512vnni", "amx-tile", "amx-int8")
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // g++ 12 of its own intrinsics
#include "kernels/products/interleaved_code.h"
#include "kernels/products/whole_tiles.h"

namespace stemma::cpu {
namespace {

// A lane has four bytes of a row, which one instruction multiplies by four of x: by its high bytes, and by its low
// ones.
struct Vnni {
  static constexpr int lanes = 16, vectors = 1, unit = 4, planes = 2;
  static constexpr int signed_offset = 128;  // the instruction takes weights without a sign
  static constexpr int rows_of_unit = cpu::rows_of_unit;
  static constexpr bool in_order = true;
  static constexpr int tall(int rows) { return rows <= 4 ? rows : 4; }
  static constexpr int wide(int) { return 2; }
  using Word = uint32_t;
  typedef Word Words __attribute__((vector_size(64), may_alias));
  typedef Words LooseWords __attribute__((aligned(1)));
  typedef int Ints __attribute__((vector_size(64), may_alias));
  typedef float Floats __attribute__((vector_size(64), may_alias));

  STEMMA_INLINE void add(Ints& high, Ints& low, Ints w, const std::byte* x) {
    multiply(high, w, x);
    multiply(low, w, x + StreamRows::piece);
  }
  STEMMA_INLINE Ints total(Ints high, Ints low) { return (high << 8) + low; }
  STEMMA_INLINE void multiply(Ints& sum, Ints w, const std::byte* x) {
    int four;
    __builtin_memcpy(&four, x, sizeof four);
    sum = (Ints)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)w, _mm512_set1_epi32(four));
  }

  static constexpr const matrix_tiles::TileShapes& shapes = shapes_of_blocks;
  template <class Tile>
  STEMMA_INLINE void add_by_unit(const Tile& w, const Piece& of, Floats* sums) {
    add_products_by_unit<Vnni>(w, of, sums);
  }

  STEMMA_INLINE Ints bytes(Words x, int) { return (Ints)x; }
  STEMMA_INLINE Ints signed_bytes(const std::byte* at) {
    return (Ints)(*reinterpret_cast<const LooseWords*>(at) ^ 0x80808080u);
  }
  // The four bits of each lane from the `first` on, as the fifth bits of its bytes.
  STEMMA_INLINE Words fifths(Words bits, int first) {
    const Words four = (bits >> first) & 0xF, two = (four | four << 14) & 0x00030003;
    return ((two | two << 7) & 0x01010101) << 4;
  }
  STEMMA_INLINE Floats floats(Words x, int) { return floats((Ints)x); }
  STEMMA_INLINE Floats halves(const std::byte* at) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
  }
  STEMMA_INLINE void arrange(Floats*, int) {}  // they are in order
  STEMMA_INLINE Floats floats(Ints x) { return _mm512_cvtepi32_ps((__m512i)x); }
};

}  // namespace

using Code = InterleavedCode<Vnni>;
const Multiply interleaved_vnni[weight_types] = {nullptr,    nullptr,    nullptr,    Code::q4_0, Code::q4_1, Code::q5_0,
                                                 Code::q5_1, Code::q8_0, Code::q4_k, Code::q5_k, Code::q6_k};

}  // namespace stemma::cpu
#endif

// Products of interleaved blocks with eight rows of x by the processor's matrix unit (AMX), in whole numbers as
// kernels/products/panel_rows_code.h has them, bits too: lines of a panel are tiles as the unit reads a right side, and
// the bytes of x are its left side. Included after a file has named its instruction set, as that is.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/products/matrix_tiles.h"
#include "kernels/products/panel_rows_code.h"

namespace stemma::cpu {
namespace {

constexpr int rows_of_unit = together;  // of x: a tile has their high and their low bytes in turn

constexpr matrix_tiles::TileShapes shapes_of_blocks = {
    {2 * rows_of_unit, matrix_tiles::line}, {2 * rows_of_unit, piece}, {piece / bytes_of_lane, matrix_tiles::line}};

// As add_products of all vectors, of which there are two. The unit is in use.
template <class Set, class Tile>
void add_products_by_unit(const Tile& w, const Piece& of, typename Set::Floats* sums) {
  using Ints = typename Set::Ints;
  constexpr int width = 2;
  static_assert(Tile::width == width && Tile::steps == 1 && Set::planes == 2 && Set::unit == 4);
  alignas(matrix_tiles::line) int dots[width][rows_of_unit][2][Set::lanes];
  asm volatile("" : : : "memory");  // what the unit reads is not said to g++
  _tile_loadd(4, of.x, piece);
  _tile_loadd(6, w.lines(), width * matrix_tiles::line);
  _tile_loadd(7, w.lines() + matrix_tiles::line, width * matrix_tiles::line);
  _tile_zero(0);
  _tile_zero(1);
  if constexpr (Tile::offset == Set::signed_offset) {  // what lies there has its sign, and no offset yet
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
  } else {
    _tile_dpbsud(0, 4, 6);
    _tile_dpbsud(1, 4, 7);
  }
  _tile_stored(0, dots[0], matrix_tiles::line);
  _tile_stored(1, dots[1], matrix_tiles::line);
#pragma GCC unroll 2
  for (int v = 0; v < width; ++v) {
    const auto factor = w.step(v, 0);
    typename Set::Floats base{};
    if constexpr (Tile::based) base = w.base(v);
#pragma GCC unroll 8
    for (int r = 0; r < rows_of_unit; ++r) {
      const auto* const both = reinterpret_cast<const Ints*>(dots[v][r]);
      Ints whole = Set::total(both[0], both[1]);
      if constexpr (Tile::offset != 0 && Tile::offset != Set::signed_offset)
        whole -= Tile::offset * (of.totals[2 * r] + of.totals[2 * r + 1]);
      auto& sum = sums[r * width + v];
      sum += Set::floats(whole) * (factor * of.scales[r]);
      if constexpr (Tile::based) sum += base * of.sums[r];
    }
  }
}

}  // namespace
}  // namespace stemma::cpu
#endif

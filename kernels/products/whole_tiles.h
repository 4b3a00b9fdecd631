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

template <class Tile>
matrix_tiles::TileShapes shapes_of_blocks() {
  constexpr int64_t bytes = piece / Tile::steps;  // of a row of x that meet one float of w
  return {{2 * rows_of_unit, matrix_tiles::line}, {2 * rows_of_unit, bytes}, {bytes / 4, matrix_tiles::line}};
}

// As add_products of all vectors, of which there are two. The unit is in use.
template <class Set, class Tile>
void add_products_by_unit(const Tile& w, const Piece& of, typename Set::Floats* sums) {
  using Ints = typename Set::Ints;
  constexpr int width = 2, steps = Tile::steps, bytes = piece / steps;
  static_assert(Tile::width == width && Set::planes == 2 && Set::unit == 4);
  alignas(matrix_tiles::line) int dots[width][rows_of_unit][2][Set::lanes];
#pragma GCC unroll 2
  for (int step = 0; step < steps; ++step) {
    const std::byte* const first = w.lines(0) + step * bytes * interleaved_rows;
    asm volatile("" : : : "memory");  // what the unit reads is not said to g++
    _tile_loadd(4, of.x + step * bytes, piece);
    _tile_loadd(6, first, width * matrix_tiles::line);
    _tile_loadd(7, first + matrix_tiles::line, width * matrix_tiles::line);
    _tile_zero(0);
    _tile_zero(1);
    if constexpr (Tile::offset == Set::signed_offset) {
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
      const auto factor = w.step(v, step);
      typename Set::Floats base{};
      if constexpr (Tile::based) base = w.base(v);
#pragma GCC unroll 8
      for (int r = 0; r < rows_of_unit; ++r) {
        Ints whole =
            Set::total(*reinterpret_cast<const Ints*>(dots[v][r][0]), *reinterpret_cast<const Ints*>(dots[v][r][1]));
        if constexpr (Tile::offset != 0 && Tile::offset != Set::signed_offset)
          whole -= Tile::offset * (steps == 1 ? of.totals[2 * r] + of.totals[2 * r + 1] : of.totals[2 * r + step]);
        auto& sum = sums[r * width + v];
        sum += Set::floats(whole) * (factor * of.scales[r]);
        if constexpr (Tile::based) sum += base * of.sums[r];
      }
    }
  }
}

}  // namespace
}  // namespace stemma::cpu
#endif

// Tiles of the processor's matrix unit (AMX): what it multiplies at once, and how numbers must lie for it. Internal to
// kernels/products/matrix_unit.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stemma::cpu::matrix_tiles {

constexpr int64_t side = 16;        // rows of a tile: of the left, of pairs of columns of it, and of what comes out
constexpr int64_t deep = 2 * side;  // columns of a tile of the left
constexpr int64_t line = 64;        // bytes of a tile's row
constexpr int64_t tall = 2 * side;  // rows of the left, and at most columns of the right, that are multiplied together

// Rows of tiles, at most 16, and bytes in each of them, at most 64: of sums (tiles 0 to 3), of the left (4 and 5) and of
// the right (6 and 7).
struct TileShapes {
  struct Shape {
    int64_t rows, bytes;
  };
  Shape sums, left, right;
};

// The unit is the thread's own.
class UnitInUse {
 public:
  explicit UnitInUse(const TileShapes& shapes);
  ~UnitInUse();
  UnitInUse(const UnitInUse&) = delete;
  UnitInUse& operator=(const UnitInUse&) = delete;
};

// Tiles that lie one behind the other, and how far a tile's rows are apart; bytes.
struct InLine {
  const std::byte* at;
  int64_t row, next;
};

// Where rows of 16 sums lie, and those of the second tile of the right.
struct Sums {
  float* at;
  int64_t row, next;
};

TileShapes shapes_of_bf16(int64_t columns);  // of the right in each tile, at most 16

// sums (32, columns) = left right, or += where `add`, of each tile of the right; left (32, 32 steps) in bf16, tiles of
// the right of pairs of its rows. Numbers below 2^-126 count as zero.
struct Block {
  InLine left, right, second;
  int64_t steps;
  Sums sums;
  bool add;
  bool two;   // tiles of the right, else `second` is not read
  bool past;  // the left comes from memory, and is asked for before it is read
};
void multiply(const Block& block);

// Rows of `right`, `stride` bytes apart, of which there are `rows`; the others, up to 32 steps, are zeros. Of each 16
// of its `columns`, a multiple of 32, tiles of pairs of rows, one behind the other.
void pair_rows(const std::byte* right, int64_t stride, int64_t rows, int64_t steps, int64_t columns, std::byte* to);

}  // namespace stemma::cpu::matrix_tiles

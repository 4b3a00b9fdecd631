#include "kernels/products/matrix_tiles.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma GCC target("arch=x86-64-v4", "amx-tile", "amx-bf16")

namespace stemma::cpu::matrix_tiles {
namespace {

constexpr int64_t ahead = 4 * line;  // that the left is asked for, where it comes from memory

struct Config {  // what ldtilecfg reads
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(Config) == 64);

template <bool Two, bool Past>
void multiply_tiles(const Block& b) {
  const auto bytes = b.sums.row * static_cast<int64_t>(sizeof(float));
  float *const sums = b.sums.at, *const below = sums + side * b.sums.row, *const second = sums + b.sums.next,
               *const second_below = below + b.sums.next;
  InLine left = b.left, right = b.right, other = b.second;
  const std::byte* left_below = left.at + side * left.row;
  asm volatile("" : : : "memory");  // what the unit reads is not said to g++
  if (b.add) {
    _tile_loadd(0, sums, bytes);
    _tile_loadd(2, below, bytes);
    if constexpr (Two) _tile_loadd(1, second, bytes);
    if constexpr (Two) _tile_loadd(3, second_below, bytes);
  } else {
    _tile_zero(0);
    _tile_zero(2);
    if constexpr (Two) _tile_zero(1);
    if constexpr (Two) _tile_zero(3);
  }
  for (int64_t i = 0; i < b.steps; ++i) {
    if constexpr (Past)
      for (int64_t r = 0; r < tall; ++r) __builtin_prefetch(left.at + r * left.row + ahead, 0, 3);
    _tile_loadd(4, left.at, left.row);
    _tile_loadd(6, right.at, right.row);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (Two) {
      _tile_loadd(7, other.at, other.row);
      _tile_dpbf16ps(1, 4, 7);
    }
    _tile_loadd(5, left_below, left.row);
    _tile_dpbf16ps(2, 5, 6);
    if constexpr (Two) _tile_dpbf16ps(3, 5, 7);
    left.at += left.next, left_below += left.next, right.at += right.next, other.at += other.next;
  }
  _tile_stored(0, sums, bytes);
  _tile_stored(2, below, bytes);
  if constexpr (Two) _tile_stored(1, second, bytes);
  if constexpr (Two) _tile_stored(3, second_below, bytes);
}

void configure(const TileShapes& shapes) {
  alignas(64) Config config;
  for (int i = 0; i < 8; ++i) {
    const TileShapes::Shape& shape = i < 4 ? shapes.sums : i < 6 ? shapes.left : shapes.right;
    config.rows[i] = static_cast<uint8_t>(shape.rows);
    config.bytes[i] = static_cast<uint16_t>(shape.bytes);
  }
  asm volatile("" : : "r"(&config) : "memory");  // what it reads is not said to g++
  _tile_loadconfig(&config);
}
void release() { _tile_release(); }

void pair(const std::byte* right, int64_t stride, int64_t rows, int64_t steps, int64_t columns, std::byte* to) {
  typedef uint16_t Line __attribute__((vector_size(line), aligned(2), may_alias));
  constexpr int64_t soon = 16;  // rows that are asked for before they are read
  for (int64_t r = 0; r < deep * steps; r += 2)
    for (int64_t c = 0; c < columns; c += deep) {
      const std::byte* const at = right + r * stride + c / deep * line;
      const Line zeros = {}, a = r < rows ? *reinterpret_cast<const Line*>(at) : zeros,
                 b = r + 1 < rows ? *reinterpret_cast<const Line*>(at + stride) : zeros;
      if (r + soon + 1 < rows) {
        __builtin_prefetch(at + soon * stride, 0, 3);
        __builtin_prefetch(at + (soon + 1) * stride, 0, 3);
      }
      Line* const first = reinterpret_cast<Line*>(to + c / side * steps * side * line) + r / 2;
      *first = __builtin_shufflevector(a, b, 0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39, 8, 40, 9, 41, 10,
                                       42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47);
      first[steps * side] = __builtin_shufflevector(a, b, 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23,
                                                    55, 24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63);
    }
}

}  // namespace

// What was declared before this file named its instructions is compiled without them.
UnitInUse::UnitInUse(const TileShapes& shapes) { configure(shapes); }
UnitInUse::~UnitInUse() { release(); }

TileShapes shapes_of_bf16(int64_t columns) {
  const int64_t bytes = columns * static_cast<int64_t>(sizeof(float));
  return {{side, bytes}, {side, line}, {side, bytes}};
}

void multiply(const Block& b) {
  (b.two    ? b.past ? multiply_tiles<true, true> : multiply_tiles<true, false>
      : b.past ? multiply_tiles<false, true>
            : multiply_tiles<false, false>)(b);
}

void pair_rows(const std::byte* right, int64_t stride, int64_t rows, int64_t steps, int64_t columns, std::byte* to) {
  pair(right, stride, rows, steps, columns, to);
}

}  // namespace stemma::cpu::matrix_tiles
#endif

// The code of Tiles::product; like kernels/products/dots_code.h it may include nothing.
#pragma once

#include "kernels/products/tiles.h"

namespace stemma::cpu {
namespace {

struct Floats {
  template <class Vector>
  static inline __attribute__((always_inline)) Vector add(Vector sum, float a, Vector b) {
    return sum + a * b;
  }
};

// `Elements` says what one of a and a vector of b's add to a vector of sums.
template <int Lanes, int Rows, int Most, class Elements = Floats>
struct SmallProductCode {
  typedef float Vector __attribute__((vector_size(Lanes * sizeof(float)), aligned(sizeof(float)), may_alias));

  static constexpr int64_t line = 16;  // numbers of a cache's line

  template <int Height, int Width>
  static inline __attribute__((always_inline)) void block(const SmallProduct& p, const float* a, const float* b,
                                                          float* c) {
    Vector tile[Height * Width];
#pragma GCC unroll 8
    for (int r = 0; r < Height; ++r)
#pragma GCC unroll 3
      for (int v = 0; v < Width; ++v)
        tile[r * Width + v] = p.add ? *reinterpret_cast<const Vector*>(c + r * p.c_row + v * Lanes) : Vector{};
    for (int64_t begin = 0; begin < p.steps; begin += line) {
      const int64_t end = p.steps - begin < line ? p.steps : begin + line;
      if (p.comes_past)
#pragma GCC unroll 8
        for (int r = 0; r < Height; ++r) __builtin_prefetch(a + (r + Rows) * p.a_row, 0, 2);
      for (int64_t k = begin; k < end; ++k, a += p.a_step, b += p.b_row) {
        Vector across[Width];
#pragma GCC unroll 3
        for (int v = 0; v < Width; ++v) across[v] = *reinterpret_cast<const Vector*>(b + v * Lanes);
#pragma GCC unroll 8
        for (int r = 0; r < Height; ++r)
#pragma GCC unroll 3
          for (int v = 0; v < Width; ++v)
            tile[r * Width + v] = Elements::add(tile[r * Width + v], a[r * p.a_row], across[v]);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < Height; ++r)
#pragma GCC unroll 3
      for (int v = 0; v < Width; ++v) {
        Vector& to = *reinterpret_cast<Vector*>(c + r * p.c_row + v * Lanes);
        const Vector sum = tile[r * Width + v];
        to = p.squares ? to + sum * sum : sum;
      }
  }

  // Into the second cache, spread over the rows of a product: asked for at once they would be waited for.
  static inline __attribute__((always_inline)) void fetch(const SmallProduct& p, int64_t row, int height) {
    const int64_t end = (row + height) * p.next.rows / p.rows;
    for (int64_t i = row * p.next.rows / p.rows; i < end; ++i)
      for (int64_t at = 0; at < p.next.bytes; at += 64) __builtin_prefetch(p.next.data + i * p.next.stride + at, 0, 2);
  }

  template <int Width>
  static void strip(const SmallProduct& p, int64_t column) {
    int64_t row = 0;
    const auto take = [&]<int Height>() __attribute__((always_inline)) {
      if (p.next.rows && column == 0) fetch(p, row, Height);
      block<Height, Width>(p, p.a + row * p.a_row, p.b + column, p.c + row * p.c_row + column);
      row += Height;
    };
    while (row + Rows <= p.rows) take.template operator()<Rows>();
    if constexpr (Rows > 4)
      if (row + 4 <= p.rows) take.template operator()<4>();
    // A block's sums wait for each other, so few rows are one block.
    const int64_t left = p.rows - row;
    if (left == 3) take.template operator()<3>();
    if (left == 2) take.template operator()<2>();
    if (left == 1) take.template operator()<1>();
  }

  static void product(const SmallProduct& p) {
    const int64_t vectors = p.columns / Lanes, strips = (vectors + Most - 1) / Most;
    for (int64_t i = 0; i < strips; ++i) {
      const int64_t begin = vectors * i / strips, width = vectors * (i + 1) / strips - begin;
      if (width == 1) strip<1>(p, begin * Lanes);
      if (width == 2) strip<2>(p, begin * Lanes);
      if (width == 3) strip<3>(p, begin * Lanes);
    }
  }
  static_assert(Most == 3);
};

}  // namespace
}  // namespace stemma::cpu

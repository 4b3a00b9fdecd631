// Products of a panel of w, whose rows lie across the lanes, with any number of rows of x, in whole numbers. Included
// after a file has named its instruction set, as kernels/products/stream_passes.h is.
//
// A `Set` names its vectors of `lanes` elements, Ints and Floats; how products are added to sums, and how many vectors
// of rows of w pass together with some rows of x (`wide`), so that their sums fit the registers.
//
// A Panel stands at 32 columns of `width` vectors of rows, as whole numbers that are multiplied by `steps` floats, each
// of as many columns, and a base where it is `based`; ++ goes to the next 32 columns:
//   Ints pairs(v, k)     two columns of each row, the k-th pair;   Floats step(v, i), base(v);
//   in_order             whether its vectors are of rows in their order, or in one that Set::arrange changes;
//   ahead, bytes, at()   after how many bytes panels are asked for, where they come from memory (else 0), how many such
//                        a panel has, and where the first of them is.
#pragma once

#include "kernels/products/stream_passes.h"

namespace stemma::cpu {
namespace {

constexpr int together = StreamRows::together, piece = StreamRows::piece, pairs_of_piece = piece / 2;
constexpr int64_t part = 2048;  // columns of a panel that stay in the second cache

// Panels that lie one after the other.
template <class Tile>
struct Row {
  static constexpr int width = Tile::width, steps = Tile::steps, ahead = 0;
  static constexpr bool based = Tile::based, in_order = Tile::in_order;
  const Tile* tile;

  void operator++() { ++tile; }
  auto pairs(int v, int k) const { return tile->pairs(v, k); }
  auto step(int v, int i) const { return tile->step(v, i); }
  auto base(int v) const { return tile->base(v); }
};

// What rows of x from `first` on give with the panel `w` of columns [begin, end).
template <class Set, class Panel, int Rows>
void multiply_rows(Panel w, const Stream& s, int64_t first, int64_t begin, int64_t end) {
  using Ints = typename Set::Ints;
  using Floats = typename Set::Floats;
  constexpr int width = Panel::width, steps = Panel::steps, wide = Set::wide(Rows);
  constexpr int chains = Rows * wide <= 4 ? 2 : 1;  // sums of a row's products that do not wait for each other
  static_assert(width % wide == 0);
  const int64_t before = first * (s.columns / piece) + begin / piece * Rows;  // pieces of x
  const int16_t* x = s.near.whole + before * piece;
  const float *scales = s.near.scales + before, *x_sums = s.near.sums + before;
  float* y = s.y + first * s.y_stride + s.begin;
  const auto bytes_of = [&](int v) {  // of the lanes that are rows
    const int64_t there = s.end - s.begin - v * Set::lanes;
    return sizeof(float) * static_cast<size_t>(there < 0 ? 0 : there < Set::lanes ? there : Set::lanes);
  };
  Floats memory[Rows * width]{};
  Floats* sums = memory;
  const auto arrange = [&](int r) {
    if constexpr (!Panel::in_order) Set::arrange(sums + r * width, width);
  };
  for (int r = 0; begin && r < Rows; ++r) {
    for (int v = 0; v < width; ++v)
      __builtin_memcpy(&sums[r * width + v], y + r * s.y_stride + v * Set::lanes, bytes_of(v));
    arrange(r);
  }
  for (int64_t c = begin; c < end; c += piece, ++w, x += Rows * piece, scales += Rows, x_sums += Rows) {
    if constexpr (Panel::ahead)
#pragma GCC unroll 32
      for (int line = 0; line < Panel::bytes; line += 64) __builtin_prefetch(w.at() + Panel::ahead + line, 0, 3);
#pragma GCC unroll 2
    for (int step = 0; step < steps; ++step)
#pragma GCC unroll 4
      for (int from = 0; from < width; from += wide) {
        asm("" : "+r"(sums) : : "memory");  // sums wait in memory: the registers are for the whole numbers
        Ints dots[chains][Rows * wide];
#pragma GCC unroll 2
        for (auto& chain : dots)
#pragma GCC unroll 24
          for (Ints& dot : chain) dot = Ints{};
        const int16_t* pair = x + step * piece / steps;
#pragma GCC unroll 1
        for (int k = step * pairs_of_piece / steps; k < (step + 1) * pairs_of_piece / steps; k += chains)
#pragma GCC unroll 2
          for (int chain = 0; chain < chains; ++chain, pair += 2) {
            Ints own[wide];
#pragma GCC unroll 4
            for (int v = 0; v < wide; ++v) own[v] = w.pairs(from + v, k + chain);
#pragma GCC unroll 8
            for (int r = 0; r < Rows; ++r) {
              int both;
              __builtin_memcpy(&both, pair + r * piece, sizeof both);
              const Ints there = Ints{} + both;
#pragma GCC unroll 4
              for (int v = 0; v < wide; ++v) Set::add_products(dots[chain][r * wide + v], own[v], there);
            }
          }
        if constexpr (chains > 1)
#pragma GCC unroll 6
          for (int i = 0; i < Rows * wide; ++i) dots[0][i] += dots[1][i];
        Floats factors[wide], bases[wide];
#pragma GCC unroll 4
        for (int v = 0; v < wide; ++v) factors[v] = w.step(from + v, step);
        if constexpr (Panel::based)  // one step
#pragma GCC unroll 4
          for (int v = 0; v < wide; ++v) bases[v] = w.base(from + v);
#pragma GCC unroll 8
        for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
          for (int v = 0; v < wide; ++v) {
            Floats& sum = sums[r * width + from + v];
            sum += Set::floats(dots[0][r * wide + v]) * (factors[v] * scales[r]);
            if constexpr (Panel::based) sum += bases[v] * x_sums[r];
          }
      }
  }
  for (int r = 0; r < Rows; ++r) {
    arrange(r);
    for (int v = 0; v < width; ++v)
      __builtin_memcpy(y + r * s.y_stride + v * Set::lanes, &sums[r * width + v], bytes_of(v));
  }
}

// From `first` on, all that are left.
template <class Set, class Panel, int Rows = together>
void multiply_all(Panel w, const Stream& s, int64_t begin, int64_t end, int64_t first = 0) {
  for (; s.rows - first >= Rows; first += Rows) multiply_rows<Set, Panel, Rows>(w, s, first, begin, end);
  if constexpr (Rows > 1)
    if (first < s.rows) multiply_all<Set, Panel, Rows - 1>(w, s, begin, end, first);
}

}  // namespace
}  // namespace stemma::cpu

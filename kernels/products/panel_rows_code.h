// Products of a panel of w, whose rows lie across the lanes, with any number of rows of x, in whole numbers. Included
// after a file has named its instruction set, as kernels/products/stream_passes.h is.
//
// A `Set` names its vectors of `lanes` elements, Ints and Floats; how many of some rows of x pass together (`tall`)
// with how many vectors of rows of w (`wide`), so that their sums fit the registers; `unit`, how many columns of a row
// a lane multiplies at once by four bytes of x; and `planes`, the sums of a lane: add(first, last, a unit
// of each lane, x's) and total(first, last). As many rows of x as `rows_of_unit` (0: none) go through the processor's
// matrix unit where it is in use, of `shapes`, by add_by_unit, which is add_products of all vectors; not those with two
// steps, whose shorter tiles take as long.
//
// A Panel stands at 32 columns of `width` vectors of rows, as whole numbers that are too large by `offset`, multiplied
// by `steps` floats, each of as many columns, and a base where it is `based`; ++ goes to the next 32 columns:
//   Ints numbers(v, k)   the k-th unit of each row;   Floats step(v, i), base(v);
//   lines()              where units lie, in their order, of each all vectors'; of what does not open;
//   opens                whether numbers take more than one instruction;
//   in_order             whether its vectors are of rows in their order, or in one that Set::arrange changes;
//   ask()                asks for what comes from memory later.
// Several panels pass side by side, whose memory is pages apart: so the processor fetches as many streams of it ahead,
// which one stream a thread would not fill.
#pragma once

#include "kernels/products/stream_passes.h"

namespace stemma::cpu {
namespace {

constexpr int together = StreamRows::together, piece = StreamRows::piece, of_piece = StreamRows::of_piece;
constexpr int bytes_of_lane = 4;
constexpr int64_t part = 2048;   // columns of a panel that stay in the second cache
constexpr int side_by_side = 4;  // panels, at most

// 32 columns of a panel made ready, for more rows of x than pass together.
template <class Set, class Panel>
struct Opened {
  using Ints = typename Set::Ints;
  using Floats = typename Set::Floats;
  static constexpr int width = Panel::width, steps = Panel::steps, offset = Panel::offset, units = piece / Set::unit;
  static constexpr bool based = Panel::based;
  Ints numbers_of[units][width];
  Floats step_of[steps][width], base_of[width];

  void open(const Panel& panel) {
    for (int v = 0; v < width; ++v) {
      for (int k = 0; k < units; ++k) numbers_of[k][v] = panel.numbers(v, k);
      for (int i = 0; i < steps; ++i) step_of[i][v] = panel.step(v, i);
      if constexpr (based) base_of[v] = panel.base(v);
    }
  }
  Ints numbers(int v, int k) const { return numbers_of[k][v]; }
  const std::byte* lines() const { return reinterpret_cast<const std::byte*>(numbers_of); }
  Floats step(int v, int i) const { return step_of[i][v]; }
  Floats base(int v) const { return base_of[v]; }
};

// Such that lie one after the other.
template <class Set, class Panel>
struct Row {
  using Tile = Opened<Set, Panel>;
  static constexpr int width = Tile::width, steps = Tile::steps, offset = Tile::offset;
  static constexpr bool based = Tile::based, in_order = Panel::in_order, opens = false;
  const Tile* tile = nullptr;

  void operator++() { ++tile; }
  void ask() const {}
  auto numbers(int v, int k) const { return tile->numbers(v, k); }
  auto lines() const { return tile->lines(); }
  auto step(int v, int i) const { return tile->step(v, i); }
  auto base(int v) const { return tile->base(v); }
};

// Where a pass over rows of x stands, in 32 columns.
struct Piece {
  const std::byte* x;
  const float *scales, *sums;
  const int* totals;

  void next(int rows) { x += rows * StreamRows::of_piece, scales += rows, sums += rows, totals += 2 * rows; }
};

// Adds to sums[row * width + vector] what `Rows` rows of x from `first` on give with `wide` vectors of w from `from`
// on.
template <class Set, int Rows, class Tile>
STEMMA_INLINE void add_products(const Tile& w, int from, const Piece& of, int first, typename Set::Floats* sums) {
  using Ints = typename Set::Ints;
  using Floats = typename Set::Floats;
  constexpr int width = Tile::width, steps = Tile::steps, wide = Set::wide(Rows), planes = Set::planes;
  constexpr int chains = Rows * wide <= 4 ? 2 : 1;     // sums of a row's products that do not wait for each other
  constexpr int half = piece / Set::unit / steps / 2;  // units; those of both halves often come of the same bytes
#pragma GCC unroll 2
  for (int step = 0; step < steps; ++step) {
    asm("" : "+r"(sums) : : "memory");  // sums wait in memory: the registers are for the whole numbers
    Ints dots[chains][planes][Rows * wide];
#pragma GCC unroll 2
    for (auto& chain : dots)
#pragma GCC unroll 2
      for (auto& plane : chain)
#pragma GCC unroll 24
        for (Ints& dot : plane) dot = Ints{};
    if constexpr (Tile::offset != 0)
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r) {
        const int* halves = of.totals + 2 * (first + r);
        const int total = steps == 1 ? halves[0] + halves[1] : halves[step];
#pragma GCC unroll 4
        for (int v = 0; v < wide; ++v) dots[0][planes - 1][r * wide + v] -= Tile::offset * total;
      }
#pragma GCC unroll 1
    for (int i = 0; i < half; ++i)
#pragma GCC unroll 2
      for (int side = 0; side < 2; ++side) {
        const int k = 2 * step * half + side * half + i;
        Ints own[wide];
#pragma GCC unroll 4
        for (int v = 0; v < wide; ++v) own[v] = w.numbers(from + v, k);
#pragma GCC unroll 8
        for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
          for (int v = 0; v < wide; ++v)
            Set::add(dots[side % chains][0][r * wide + v], dots[side % chains][planes - 1][r * wide + v], own[v],
                     of.x + (first + r) * of_piece + k * bytes_of_lane);
      }
    if constexpr (chains > 1)
#pragma GCC unroll 2
      for (int plane = 0; plane < planes; ++plane)
#pragma GCC unroll 6
        for (int i = 0; i < Rows * wide; ++i) dots[0][plane][i] += dots[1][plane][i];
    Floats factors[wide], bases[wide];
#pragma GCC unroll 4
    for (int v = 0; v < wide; ++v) factors[v] = w.step(from + v, step);
    if constexpr (Tile::based)  // one step
#pragma GCC unroll 4
      for (int v = 0; v < wide; ++v) bases[v] = w.base(from + v);
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < wide; ++v) {
        Floats& sum = sums[(first + r) * width + from + v];
        const Ints total = Set::total(dots[0][0][r * wide + v], dots[0][planes - 1][r * wide + v]);
        sum += Set::floats(total) * (factors[v] * of.scales[first + r]);
        if constexpr (Tile::based) sum += bases[v] * of.sums[first + r];
      }
  }
}

// Of all vectors, `tall` rows of x after `tall`.
template <class Set, int Rows, class Tile>
STEMMA_INLINE void add_all_products(const Tile& w, const Piece& of, bool unit, typename Set::Floats* sums) {
  if constexpr (Rows == Set::rows_of_unit && Tile::steps == 1)
    if (unit) return Set::add_by_unit(w, of, sums);
  constexpr int tall = Set::tall(Rows), last = (Rows - 1) % tall + 1;
  static_assert(Tile::width % Set::wide(tall) == 0 && Tile::width % Set::wide(last) == 0);
#pragma GCC unroll 2
  for (int first = 0; first + last < Rows; first += tall)
#pragma GCC unroll 4
    for (int from = 0; from < Tile::width; from += Set::wide(tall)) add_products<Set, tall>(w, from, of, first, sums);
#pragma GCC unroll 4
  for (int from = 0; from < Tile::width; from += Set::wide(last))
    add_products<Set, last>(w, from, of, Rows - last, sums);
}

// What rows of x from `first` on give with `count` panels, of the same columns [begin, end) and of rows of w one after
// the other.
template <class Set, class Panel, int Rows>
void multiply_rows(const Panel* panels, int count, const Stream& s, bool unit, int64_t first, int64_t begin,
                   int64_t end) {
  using Floats = typename Set::Floats;
  constexpr int width = Panel::width;
  const int64_t before = first * (s.columns / piece) + begin / piece * Rows;  // pieces of x
  Piece of{s.near.whole + before * of_piece, s.near.scales + before, s.near.sums + before, s.near.totals + 2 * before};
  Floats memory[side_by_side * Rows * width]{};
  // Sums of row r and panel p, with where they lie in y.
  const auto each_row = [&](const auto& take) {
    for (int p = 0; p < count; ++p)
      for (int r = 0; r < Rows; ++r)
        take(memory + (p * Rows + r) * width, s.y + (first + r) * s.y_stride + s.begin + p * width * Set::lanes,
             s.end - s.begin - p * width * Set::lanes);
  };
  const auto bytes_of = [](int64_t rows, int v) {  // of the v-th vector's lanes that are rows
    const int64_t there = rows - v * Set::lanes;
    return sizeof(float) * static_cast<size_t>(there < 0 ? 0 : there < Set::lanes ? there : Set::lanes);
  };
  const auto arrange = [](Floats* sums) {
    if constexpr (!Panel::in_order) Set::arrange(sums, width);
  };
  if (begin)
    each_row([&](Floats* sums, const float* y, int64_t rows) {
      for (int v = 0; v < width; ++v) __builtin_memcpy(sums + v, y + v * Set::lanes, bytes_of(rows, v));
      arrange(sums);
    });
  Panel at[side_by_side];
  for (int p = 0; p < count; ++p) at[p] = panels[p];
  for (int64_t c = begin; c < end; c += piece, of.next(Rows))
    for (int p = 0; p < count; ++p) {
      Panel& w = at[p];
      w.ask();
      if constexpr (Panel::opens && Rows > Set::tall(Rows)) {
        Opened<Set, Panel> open;
        open.open(w);
        add_all_products<Set, Rows>(open, of, unit, memory + p * Rows * width);
      } else {
        add_all_products<Set, Rows>(w, of, unit, memory + p * Rows * width);
      }
      ++w;
    }
  each_row([&](Floats* sums, float* y, int64_t rows) {
    arrange(sums);
    for (int v = 0; v < width; ++v) __builtin_memcpy(y + v * Set::lanes, sums + v, bytes_of(rows, v));
  });
}

// From `first` on, all that are left.
template <class Set, class Panel, int Rows = together>
void multiply_all(const Panel* panels, int count, const Stream& s, bool unit, int64_t begin, int64_t end,
                  int64_t first = 0) {
  for (; s.rows - first >= Rows; first += Rows)
    multiply_rows<Set, Panel, Rows>(panels, count, s, unit, first, begin, end);
  if constexpr (Rows > 1)
    if (first < s.rows) multiply_all<Set, Panel, Rows - 1>(panels, count, s, unit, begin, end, first);
}

}  // namespace
}  // namespace stemma::cpu

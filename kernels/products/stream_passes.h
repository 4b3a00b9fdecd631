// The order in which rows of weights pass (kernels/products/streams.h). One row of x: row after row of w, which
// processors foresee by themselves, from two places at once, which memory answers faster than one. Several: a few rows
// of w together, so that what is loaded of x serves each of them, and asked for ahead, since reading is then no longer
// in order. x stays in the first cache: where it would not, part of its columns after the other, for some rows of w at
// a time.
//
// Like kernels/products/streams_code.h it is compiled for the instruction set of the file that includes it. A Way is
// how weights of a type are multiplied: in units of columns, `piece` bytes of w and `number` bytes of x for each
// column, `tall` rows of w together.
#pragma once

#include "kernels/products/streams.h"

namespace stemma::cpu {
namespace {

#define STEMMA_INLINE static inline __attribute__((always_inline))

// What of the columns passes: units [begin, end), and where what comes later lies: of row h and unit i at
// next + i step + h apart, i from 0 on; Soon: it is read so soon that the first cache still has it.
template <bool Soon>
struct Part {
  int64_t begin, end;
  const std::byte* next;
  int64_t step, apart;

  template <int Bytes>
  void fetch(int64_t unit, int h) const {
    const std::byte* at = next + (unit - begin) * step + h * apart;
#pragma GCC unroll 8
    for (int line = 0; line < Bytes; line += 64) __builtin_prefetch(at + line, 0, Soon ? 3 : 2);
  }
};

template <class Way>
struct Passes {
  static constexpr int together = StreamRows::together;  // rows of x whose sums are in registers together
  static constexpr int64_t near = 30 << 10;              // bytes of x that stay in the first cache beside the weights
  static constexpr int64_t block = 24;                   // rows of w that pass part after part
  static constexpr int64_t far = 8 << 10;                // bytes ahead; nearer, rows of some hundred columns wait

  static void multiply(const Stream& s) {
    const int64_t units = (s.columns + Way::unit - 1) / Way::unit;
    if (s.rows == 1) return one_row(s, {0, units, nullptr, 0, 0});
    for (int64_t begin = s.begin; begin < s.end; begin += block) {
      const int64_t end = begin + block < s.end ? begin + block : s.end;
      for (int64_t first = 0; first < s.rows; first += together) some_rows(s, begin, end, first, units);
    }
  }

 private:
  static void one_row(const Stream& s, const Part<false>& all) {
    const int64_t half = (s.end - s.begin) / 2;
    Stream two = s;
    two.w_stride *= half;
    int64_t row = s.begin;
    for (; row < s.begin + half; ++row) {
      typename Way::template Sums<2, 1> sums;
      float y[2];
      sums.clear();
      Way::template add<2, 1>(two, s.w + row * s.w_stride, 0, all, sums);
      Way::template finish<2, 1>(two, s.w + row * s.w_stride, 0, sums, y);
      s.y[row] = y[0];
      s.y[row + half] = y[1];
    }
    row += half;
    for (; row < s.end; ++row) {
      typename Way::template Sums<1, 1> sums;
      pass<1, 1>(s, row, 0, all, sums, true, true);
    }
  }

  // Rows [begin, end) of w with the rows of x from `first` on, as many as go together.
  template <int Rows = 1>
  static void some_rows(const Stream& s, int64_t begin, int64_t end, int64_t first, int64_t units) {
    if constexpr (Rows < together)
      if (s.rows - first > Rows) return some_rows<Rows + 1>(s, begin, end, first, units);
    const int64_t parts = (units * Way::unit * Way::number * Rows + near - 1) / near;
    const bool in_order = parts <= 1 && s.w_stride <= units * Way::piece + 64;
    if (in_order || s.next) return parts_of<Rows, true>(s, begin, end, first, units, parts);
    parts_of<Rows, false>(s, begin, end, first, units, parts);
  }

  template <int Rows, bool Soon>
  static void parts_of(const Stream& s, int64_t begin, int64_t end, int64_t first, int64_t units, int64_t parts) {
    const int64_t each = (units + parts - 1) / parts;
    typename Way::template Sums<Way::tall, Rows> sums[block / Way::tall];
    typename Way::template Sums<1, Rows> last_sums[Way::tall];
    for (int64_t unit = 0; unit < units; unit += each) {
      const int64_t until = unit + each < units ? unit + each : units;
      const bool starts = unit == 0, ends = until == units;
      int64_t row = begin;
      for (int i = 0; row + Way::tall <= end; row += Way::tall, ++i)
        pass<Way::tall, Rows>(s, row, first, part_at<Way::tall, Soon>(s, row, unit, until, units), sums[i], starts,
                              ends);
      for (int i = 0; row < end; ++row, ++i)
        pass<1, Rows>(s, row, first, part_at<1, Soon>(s, row, unit, until, units), last_sums[i], starts, ends);
    }
  }

  template <int Height, bool Soon>
  STEMMA_INLINE Part<Soon> part_at(const Stream& s, int64_t row, int64_t begin, int64_t end, int64_t units) {
    const std::byte* w = s.w + row * s.w_stride;
    if constexpr (Soon) {  // in the order in which they lie
      const int64_t whole = Height * s.w_stride, before = (row - s.begin) * units + begin * Height;
      const std::byte* next = s.next ? s.next + before * Way::piece : w + (whole < far ? far : whole);
      return {begin, end, next, Height * Way::piece, Way::piece};
    }
    const std::byte* next = end == units ? w + block * s.w_stride : w + end * Way::piece;
    int64_t step = Way::piece;
    asm("" : "+r"(step));  // g++ makes a slower loop of a step that it knows
    return {begin, end, next, step, s.w_stride};
  }

  template <int Height, int Rows, bool Soon>
  static void pass(const Stream& s, int64_t row, int64_t first, const Part<Soon>& part,
                   typename Way::template Sums<Height, Rows>& kept, bool starts, bool ends) {
    const std::byte* w = s.w + row * s.w_stride;
    typename Way::template Sums<Height, Rows> sums;
    if (starts)
      sums.clear();
    else
      sums = kept;
    Way::template add<Height, Rows>(s, w, first, part, sums);
    if (ends)
      Way::template finish<Height, Rows>(s, w, first, sums, s.y + first * s.y_stride + row);
    else
      kept = sums;
  }
};

}  // namespace
}  // namespace stemma::cpu

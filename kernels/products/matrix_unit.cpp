// Tiles of w lie in memory as the unit reads a left side, so that forward no weight is copied: the unit gets w x^T, of
// x turned over before, and what it gives is turned back on its way to y. Backward w is on the right side, where pairs
// of its rows lie together: those are copied, a panel at a time, and used for all rows of y.
#include "kernels/products/matrix_unit.h"

#if defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstring>

#include "kernels/products/matrix_tiles.h"
#include "kernels/products/tiles.h"
#include "kernels/products/turns.h"
#include "kernels/scratch.h"

namespace stemma::cpu {
namespace {

using namespace matrix_tiles;

constexpr int64_t few = 64, most = 512;     // rows of x
constexpr int64_t high = 128;               // rows of w that a thread takes at once, at most
constexpr int64_t pages = 2 * 4096;         // bytes from row to row of a tile of few rows of x's
constexpr int64_t short_ = 16, long_ = 64;  // tiles of columns at once, with many rows of x or few: x stays near

thread_local Scratch rounded_memory;  // of the calling thread

// x in bf16, as tiles of so many rows of it: pairs of columns by rows. Few rows are one tile of no more.
class TurnedRows {
 public:
  TurnedRows(Tensor x, Scratch& memory)
      : width(std::min(x.rows, side)),
        tiles(divide_up(x.rows, side)),
        x_(x),
        room_(memory.make(tiles * width * half())) {}
  void turn(int64_t i) const {
    thread_local Scratch kept;
    float* const rounded = kept.make(side * half());
    const int64_t first = i * width, there = std::min(width, x_.rows - first);
    for (int64_t r = 0; r < there; ++r)
      best_tiles().round(x_.row(first + r), x_.columns, reinterpret_cast<uint16_t*>(rounded + r * half()));
    std::fill(rounded + there * half(), rounded + width * half(), 0.0f);
    best_tiles().transpose(rounded, half(), width, half(), room_ + i * width * half(), width);
  }
  InLine at(int64_t i, int64_t step) const {
    const int64_t row = width * static_cast<int64_t>(sizeof(float)), next = side * row;
    return {reinterpret_cast<const std::byte*>(room_ + i * width * half()) + step * next, row, next};
  }

  int64_t width, tiles;

 private:
  int64_t half() const { return x_.columns / 2; }

  Tensor x_;
  float* room_;
};

// What is multiplied at once: `steps` tiles of a turn's columns of w.
int64_t steps_of(const Turn& turn, bool many) {
  const int64_t all = turn.product->w.columns / deep;
  return divide_up(all, divide_up(all, many ? short_ : long_));
}

// Rows of two tiles are as far apart as can be: each comes from memory in a stream of its own.
void multiply_panel(const TurnedRows& x, const Turn& now, bool many) {
  thread_local Scratch kept, padded;
  const auto& [w, y] = *now.product;
  const int64_t all = w.columns / deep, part = steps_of(now, many), first = now.row / side,
                x_tiles = divide_up(now.rows, side), apart = now.columns / tall, whole = apart * tall,
                over = now.columns - whole,  // rows that are copied, to be as many as two tiles have
      heights = apart + (over ? 1 : 0);
  float* const sums = kept.make(2 * divide_up(x_tiles, 2) * heights * tall * side);
  std::byte* const last = over ? padded.make<std::byte>(tall * part * line) : nullptr;
  if (over) std::memset(last, 0, static_cast<size_t>(tall * part * line));
  for (int64_t step = 0; step < all; step += part) {
    const int64_t steps = std::min(part, all - step);
    const auto row = [&](int64_t i) { return w.row(now.column + i) + step * line; };
    for (int64_t r = 0; r < over; ++r)
      std::memcpy(last + r * part * line, row(whole + r), static_cast<size_t>(steps * line));
    for (int64_t j = 0; j < x_tiles; j += 2) {
      const int64_t beside = std::min(j + 1, x_tiles - 1), next_sums = heights * tall * side;
      float* const here = sums + j * next_sums;
      for (int64_t n = 0; n < heights; ++n) {
        const InLine rows = n < apart ? InLine{row(n), apart * w.row_bytes(), line} : InLine{last, part * line, line};
        const Sums there =
            n < apart ? Sums{here + n * side, apart * side, next_sums} : Sums{here + whole * side, side, next_sums};
        multiply({rows, x.at(first + j, step), x.at(first + beside, step), steps, there, step > 0, beside > j, j == 0});
      }
      for (int64_t t = j; step + steps == all && t <= beside; ++t)
        best_tiles().transpose(sums + t * next_sums, side, now.columns, std::min(side, now.rows - t * side),
                               y.row(now.row + t * side) + now.column, y.columns);
    }
  }
}

}  // namespace

bool has_matrix_unit() {
  static const bool has = [] {
    constexpr int ask = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return __builtin_cpu_supports("amx-bf16") && __builtin_cpu_supports("amx-int8") &&
           best_tiles().round && syscall(SYS_arch_prctl, ask, tile_data) == 0;
  }();
  return has;
}

bool takes_matrix_unit(const WeightMatrix& w) {
  return w.type == WeightType::bf16 && w.columns % deep == 0 && has_matrix_unit();
}

void product_by_matrix_unit(Tensor x, std::span<const Ops::Product> products) {
  const TurnedRows rows(x, rounded_memory);
  if (rows.tiles == 1) rows.turn(0);
  const bool many = x.rows > few;
  const int64_t streams = std::clamp(pages / products[0].w.row_bytes(), int64_t{1}, high / tall);
  const Turns turns(x.rows, products,
                    many ? Turns::Sizes{high, tall, few, most} : Turns::Sizes{streams * tall, tall, few, few});
  std::atomic<int64_t> taken = 0;
#pragma omp parallel
  {
    if (rows.tiles > 1) {
#pragma omp for schedule(static)
      for (int64_t i = 0; i < rows.tiles; ++i) rows.turn(i);
    }
    const UnitInUse unit(shapes_of_bf16(rows.width));
    for (int64_t turn; (turn = taken++) < turns.count;) {
      const Turn now = turns[turn];
      assert(takes_matrix_unit(now.product->w) && now.product->y.rows == x.rows);
      multiply_panel(rows, now, many);
    }
  }
}

void product_back_by_matrix_unit(Tensor y, const WeightMatrix& w, Tensor x, bool add) {
  assert(takes_matrix_unit(w) && y.columns == w.rows && x.columns == w.columns && x.rows == y.rows);
  if (y.rows == 0) return;
  const int64_t all = divide_up(w.rows, deep), heights = divide_up(y.rows, tall), panels = divide_up(w.columns, high),
                length = all * deep;
  uint16_t* const rounded = rounded_memory.make<uint16_t>(heights * tall * length);
  const int64_t parts = std::min(divide_up(4 * omp_get_max_threads(), panels), divide_up(heights, 4)),
                each = divide_up(heights, std::max(parts, divide_up(y.rows, most)));
#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (int64_t i = 0; i < heights * tall; ++i) {
      uint16_t* const to = rounded + i * length;
      const int64_t there = i < y.rows ? y.columns : 0;
      if (there) best_tiles().round(y.row(i), there, to);
      std::fill(to + there, to + length, uint16_t{0});
    }
    thread_local Scratch paired, room;
    std::byte* const panel = paired.make<std::byte>(high / side * short_ * side * line);
    const UnitInUse unit(shapes_of_bf16(side));
#pragma omp for schedule(dynamic) collapse(2)
    for (int64_t first = 0; first < heights; first += each)
      for (int64_t column = 0; column < w.columns; column += high) {
        const int64_t wide = std::min(high, w.columns - column);
        for (int64_t step = 0; step < all; step += short_) {
          const int64_t steps = std::min(short_, all - step);
          pair_rows(w.row(step * deep) + column * static_cast<int64_t>(sizeof(uint16_t)), w.row_bytes(),
                    w.rows - step * deep, steps, wide, panel);
          for (int64_t h = first; h < std::min(first + each, heights); ++h) {
            const int64_t there = std::min(tall, y.rows - h * tall);
            // Whole tiles would reach over the end of x's last row.
            float* const own = there < tall ? room.make(tall * high) : nullptr;
            const bool begun = add || step > 0;
            for (int64_t r = 0; own && begun && r < there; ++r)
              std::copy_n(x.row(h * tall + r) + column, wide, own + r * high);
            const InLine left{reinterpret_cast<const std::byte*>(rounded + h * tall * length + step * deep),
                              length * static_cast<int64_t>(sizeof(uint16_t)), line};
            for (int64_t c = 0; c < wide; c += 2 * side) {
              const auto tiles_at = [&](int64_t at) {
                return InLine{panel + at / side * steps * side * line, line, side * line};
              };
              const Sums sums = own ? Sums{own + c, high, side} : Sums{x.row(h * tall) + column + c, x.columns, side};
              multiply({left, tiles_at(c), tiles_at(c + side), steps, sums, begun, true, false});
            }
            for (int64_t r = 0; own && r < there; ++r) std::copy_n(own + r * high, wide, x.row(h * tall + r) + column);
          }
        }
      }
  }
}

}  // namespace stemma::cpu
#else
namespace stemma::cpu {

bool has_matrix_unit() { return false; }
bool takes_matrix_unit(const WeightMatrix&) { return false; }
void product_by_matrix_unit(Tensor, std::span<const Ops::Product>) {}
void product_back_by_matrix_unit(Tensor, const WeightMatrix&, Tensor, bool) {}

}  // namespace stemma::cpu
#endif

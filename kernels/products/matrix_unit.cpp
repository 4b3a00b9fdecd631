// Tiles of w lie in memory as the unit reads a left side, so that forward no weight is copied: the unit gets w x^T, of
// x turned over before, and what it gives is turned back on its way to y. Backward w is on the right side, where pairs
// of its rows lie together: those are copied, a panel at a time, and used for all rows of y.
#include "kernels/products/matrix_unit.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstring>

#include "kernels/products/tiles.h"
#include "kernels/products/turns.h"
#include "kernels/scratch.h"
#pragma GCC target("arch=x86-64-v4", "amx-tile", "amx-bf16")

namespace stemma::cpu {
namespace {

constexpr int64_t side = 16;                // rows of a tile: of w, of pairs of columns of x, and of what comes out
constexpr int64_t deep = 2 * side;          // columns of w that a tile has
constexpr int64_t line = 64;                // bytes of a tile's row
constexpr int64_t tile = side * side;       // pairs of numbers
constexpr int64_t tall = 2 * side;          // rows of w, and at most of x, that four tiles multiply together
constexpr int64_t few = 64, most = 512;     // rows of x
constexpr int64_t high = 128;               // rows of w that a thread takes at once, at most
constexpr int64_t pages = 2 * 4096;         // bytes from row to row of a tile of few rows of x's
constexpr int64_t ahead = 4 * line;         // that weights are asked for, where they come from memory
constexpr int64_t short_ = 16, long_ = 64;  // and at most so many tiles of their columns: x stays in the first cache

struct Shape {  // what ldtilecfg reads
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(Shape) == 64);

// Tiles 0 to 3 are sums, 4 and 5 of w, 6 and 7 of x; `columns` rows of x in each.
class UnitInUse {
 public:
  explicit UnitInUse(int64_t columns) {
    const auto narrow = static_cast<uint16_t>(columns * sizeof(float));
    for (int i = 0; i < 8; ++i) shape_.rows[i] = side, shape_.bytes[i] = i == 4 || i == 5 ? line : narrow;
    asm volatile("" : : "r"(&shape_) : "memory");  // what it reads is not said to g++
    _tile_loadconfig(&shape_);
  }
  ~UnitInUse() { _tile_release(); }
  UnitInUse(const UnitInUse&) = delete;
  UnitInUse& operator=(const UnitInUse&) = delete;

 private:
  alignas(64) Shape shape_;
};

// Tiles that lie one behind the other, and how far a tile's rows are apart; bytes.
struct InLine {
  const std::byte* at;
  int64_t row, next;
};

// Where rows of 16 sums lie, and those of a second tile of x.
struct Sums {
  float* at;
  int64_t row, next;
};

// sums (32, 16) = w x of each tile of x, or += where `add`; w (32, steps).
template <bool Two, bool Past>  // tiles of x; whether w comes past for the first time
void multiply(InLine w, InLine x, InLine beside, int64_t steps, const Sums& sums, bool add) {
  const auto bytes = sums.row * static_cast<int64_t>(sizeof(float));
  float *const below = sums.at + side * sums.row, *const second = sums.at + sums.next,
               *const second_below = below + sums.next;
  const std::byte* w_below = w.at + side * w.row;
  asm volatile("" : : : "memory");  // what the unit reads is not said to g++
  if (add) {
    _tile_loadd(0, sums.at, bytes);
    _tile_loadd(2, below, bytes);
    if constexpr (Two) _tile_loadd(1, second, bytes);
    if constexpr (Two) _tile_loadd(3, second_below, bytes);
  } else {
    _tile_zero(0);
    _tile_zero(2);
    if constexpr (Two) _tile_zero(1);
    if constexpr (Two) _tile_zero(3);
  }
  for (int64_t i = 0; i < steps; ++i) {
    if constexpr (Past)
      for (int64_t r = 0; r < tall; ++r) __builtin_prefetch(w.at + r * w.row + ahead, 0, 3);
    _tile_loadd(4, w.at, w.row);
    _tile_loadd(6, x.at, x.row);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (Two) {
      _tile_loadd(7, beside.at, beside.row);
      _tile_dpbf16ps(1, 4, 7);
    }
    _tile_loadd(5, w_below, w.row);
    _tile_dpbf16ps(2, 5, 6);
    if constexpr (Two) _tile_dpbf16ps(3, 5, 7);
    w.at += w.next, w_below += w.next, x.at += x.next, beside.at += beside.next;
  }
  _tile_stored(0, sums.at, bytes);
  _tile_stored(2, below, bytes);
  if constexpr (Two) _tile_stored(1, second, bytes);
  if constexpr (Two) _tile_stored(3, second_below, bytes);
}

// x in bf16, as tiles of so many rows of it: pairs of columns by rows. Few rows are one tile of no more.
class TurnedRows {
 public:
  TurnedRows(Tensor x, Scratch& memory)
      : width(std::min(x.rows, side)),
        tiles(divide_up(x.rows, side)),
        x_(x),
        room_(memory.make(tiles * width * pairs())) {}
  void turn(int64_t i) const {
    thread_local Scratch kept;
    float* const rounded = kept.make(side * pairs());
    const int64_t first = i * width, there = std::min(width, x_.rows - first);
    for (int64_t r = 0; r < there; ++r)
      best_tiles().round(x_.row(first + r), x_.columns, reinterpret_cast<uint16_t*>(rounded + r * pairs()));
    std::fill(rounded + there * pairs(), rounded + width * pairs(), 0.0f);
    best_tiles().transpose(rounded, pairs(), width, pairs(), room_ + i * width * pairs(), width);
  }
  InLine at(int64_t i, int64_t step) const {
    const int64_t row = width * static_cast<int64_t>(sizeof(float)), next = side * row;
    return {reinterpret_cast<const std::byte*>(room_ + i * width * pairs()) + step * next, row, next};
  }

  int64_t width, tiles;

 private:
  int64_t pairs() const { return x_.columns / 2; }

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
        const auto some = beside > j ? j ? multiply<true, false> : multiply<true, true>
                          : j ? multiply<false, false>
                                     : multiply<false, true>;
        some(rows, x.at(first + j, step), x.at(first + beside, step), steps, there, step > 0);
      }
      for (int64_t t = j; step + steps == all && t <= beside; ++t)
        best_tiles().transpose(sums + t * next_sums, side, now.columns, std::min(side, now.rows - t * side),
                               y.row(now.row + t * side) + now.column, y.columns);
    }
  }
}

// Rows [begin, begin + 32 steps) of w in columns [column, column + wide): of each 16 columns tiles of pairs of rows,
// one behind the other. Rows that w does not have are zeros.
void pair_rows(const WeightMatrix& w, int64_t begin, int64_t steps, int64_t column, int64_t wide, uint16_t* to) {
  typedef uint16_t Line __attribute__((vector_size(line), aligned(2), may_alias));
  constexpr int64_t halves = line / sizeof(uint16_t), soon = 16;
  for (int64_t r = 0; r < deep * steps; r += 2)
    for (int64_t c = 0; c < wide; c += halves) {
      const auto at = [&](int64_t row) { return w.row(row) + (column + c) * sizeof(uint16_t); };
      const auto read = [&](int64_t row) { return row < w.rows ? *reinterpret_cast<const Line*>(at(row)) : Line{}; };
      const Line a = read(begin + r), b = read(begin + r + 1);
      for (int64_t next = begin + r + soon; next < std::min(begin + r + soon + 2, w.rows); ++next)
        __builtin_prefetch(at(next), 0, 3);
      Line* const first = reinterpret_cast<Line*>(to + c / side * steps * 2 * tile) + r / 2;
      *first = __builtin_shufflevector(a, b, 0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39, 8, 40, 9, 41, 10,
                                       42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47);
      first[steps * side] = __builtin_shufflevector(a, b, 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23,
                                                    55, 24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63);
    }
}

}  // namespace

bool has_matrix_unit() {
  static const bool has = [] {
    constexpr int ask = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return __builtin_cpu_supports("amx-bf16") && best_tiles().round && syscall(SYS_arch_prctl, ask, tile_data) == 0;
  }();
  return has;
}

bool takes_matrix_unit(const WeightMatrix& w) {
  return w.type == WeightType::bf16 && w.columns % deep == 0 && has_matrix_unit();
}

void product_by_matrix_unit(Tensor x, std::span<const Ops::Product> products) {
  thread_local Scratch turned;
  const TurnedRows rows(x, turned);
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
    const UnitInUse unit(rows.width);
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
  thread_local Scratch kept;
  const int64_t all = divide_up(w.rows, deep), heights = divide_up(y.rows, tall), panels = divide_up(w.columns, high),
                length = all * deep;
  uint16_t* const rounded = kept.make<uint16_t>(heights * tall * length);
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
    thread_local Scratch pairs, room;
    uint16_t* const panel = pairs.make<uint16_t>(short_ * deep * high);
    const UnitInUse unit(side);
#pragma omp for schedule(dynamic) collapse(2)
    for (int64_t first = 0; first < heights; first += each)
      for (int64_t column = 0; column < w.columns; column += high) {
        const int64_t wide = std::min(high, w.columns - column);
        for (int64_t step = 0; step < all; step += short_) {
          const int64_t steps = std::min(short_, all - step);
          pair_rows(w, step * deep, steps, column, wide, panel);
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
                return InLine{reinterpret_cast<const std::byte*>(panel + at / side * steps * 2 * tile), line,
                              side * line};
              };
              const Sums sums = own ? Sums{own + c, high, side} : Sums{x.row(h * tall) + column + c, x.columns, side};
              multiply<true, false>(left, tiles_at(c), tiles_at(c + side), steps, sums, begun);
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

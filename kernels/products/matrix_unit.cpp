// Tiles of w lie in memory as the unit reads them, so weights are never copied: the unit gets w x^T, of x turned over
// before, and what it gives is turned back on its way to y.
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
#pragma GCC target("amx-tile", "amx-bf16")

namespace stemma::cpu {
namespace {

constexpr int64_t side = 16;                // rows of a tile: of w, of pairs of columns of x, and of what comes out
constexpr int64_t deep = 2 * side;          // columns of w that a tile has
constexpr int64_t line = 64;                // bytes of a tile's row
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

}  // namespace stemma::cpu
#else
namespace stemma::cpu {

bool has_matrix_unit() { return false; }
bool takes_matrix_unit(const WeightMatrix&) { return false; }
void product_by_matrix_unit(Tensor, std::span<const Ops::Product>) {}

}  // namespace stemma::cpu
#endif

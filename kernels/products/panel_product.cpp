// A panel of w is turned over into a thread's second cache and stays there while rows of x pass, which lie as they are.
#include "kernels/products/panel_product.h"

#include <algorithm>
#include <atomic>
#include <cassert>

#include "kernels/divide_up.h"
#include "kernels/products/streams.h"
#include "kernels/products/tiles.h"
#include "kernels/products/turns.h"
#include "kernels/scratch.h"

namespace stemma::cpu {
namespace {

constexpr int64_t fewest = 64;     // rows of x that a panel is turned over for
constexpr int64_t most = 1024;     // that still come from near caches for every panel
constexpr int64_t deep = 768;      // columns of a panel, or pairs of them

}  // namespace

bool takes_panels(int64_t rows, const WeightMatrix& w) {
  const Tiles& tiles = best_tiles();
  if (tiles.lanes != 16 || rows < fewest) return false;
  if (w.type == WeightType::bf16 && tiles.product_of_pairs)
    return w.columns % 2 == 0 && rows <= most;
  return format_of(w.type).elements == 1;
}

void product_panels(Tensor x, std::span<const Ops::Product> products) {
  const Tiles& tiles = best_tiles();
  const int64_t wide = tiles.most * tiles.lanes;
  const WeightType type = products[0].w.type;
  const bool pairs = type == WeightType::bf16 && tiles.product_of_pairs;
  const auto product = pairs ? tiles.product_of_pairs : tiles.product;
  const auto elements_of = [&](float* data, int64_t rows) { return Tensor{data, rows, x.columns / (pairs ? 2 : 1)}; };
  thread_local Scratch rounded;
  const Tensor left = elements_of(pairs ? rounded.make(x.size() / 2) : x.data, x.rows);
  const Turns turns(x.rows, products, {wide, tiles.rows, 2 * fewest, most});
  std::atomic<int64_t> taken = 0;
#pragma omp parallel
  {
    if (pairs) {
#pragma omp for schedule(static)
      for (int64_t i = 0; i < x.rows; ++i) tiles.round(x.row(i), x.columns, reinterpret_cast<uint16_t*>(left.row(i)));
    }
    thread_local Scratch kept, room, unpacked;
    float* const panel = kept.make(deep * wide);
    for (int64_t turn = taken++, next; turn < turns.count; turn = next) {
      next = taken++;
      const Turn now = turns[turn];
      const auto& [w, y] = *now.product;
      assert(takes_panels(x.rows, w) && y.rows == x.rows && y.columns == w.rows && x.columns == w.columns);
      // Whole vectors would reach over the end of y's last row.
      const int64_t filled = divide_up(now.columns, tiles.lanes) * tiles.lanes;
      float* const there = y.row(now.row) + now.column;
      float* const own = filled > now.columns ? room.make(now.rows * wide) : nullptr;
      if (own) std::fill_n(panel, deep * wide, 0.0f);
      const auto bytes_of = [&](int64_t elements) { return row_bytes(type, pairs ? 2 * elements : elements); };
      for (int64_t k = 0; k < left.columns; k += deep) {
        const auto part = [&](const Turn& of, int64_t begin) {
          const WeightMatrix& weights = of.product->w;
          const auto steps = std::min(deep, left.columns - begin);
          return NextRows{weights.row(of.column) + bytes_of(begin), weights.row_bytes(), bytes_of(steps), of.columns};
        };
        const int64_t steps = std::min(deep, left.columns - k);
        const NextRows later = k + deep < left.columns ? part(now, k + deep)
                               : next < turns.count    ? part(turns[next], 0)
                                                       : NextRows{};
        const std::byte* const first = w.row(now.column) + bytes_of(k);
        if (pairs || type == WeightType::f32) {
          tiles.transpose(reinterpret_cast<const float*>(first), left.columns, now.columns, steps, panel, wide);
        } else {
          float* const rows = unpacked.make(now.columns * steps);
          for (int64_t i = 0; i < now.columns; ++i)
            best_streams().unpack[static_cast<size_t>(type)](first + i * w.row_bytes(), steps, rows + i * steps);
          tiles.transpose(rows, steps, now.columns, steps, panel, wide);
        }
        product({left.row(now.row) + k, left.columns, 1, panel, wide, own ? own : there, own ? wide : y.columns,
                 now.rows, filled, steps, k > 0, later});
      }
      for (int64_t i = 0; own && i < now.rows; ++i) std::copy_n(own + i * wide, now.columns, there + i * y.columns);
    }
  }
}

}  // namespace stemma::cpu

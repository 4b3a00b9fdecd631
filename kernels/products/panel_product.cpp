// A panel of w is turned over into a thread's second cache and stays there while rows of x pass, which lie as they are.
#include "kernels/products/panel_product.h"

#include <omp.h>

#include <algorithm>
#include <cassert>

#include "kernels/products/tiles.h"
#include "kernels/products/transpose.h"
#include "kernels/scratch.h"

namespace stemma::cpu {
namespace {

constexpr int64_t fewest = 64;  // rows of x that a panel is turned over for
constexpr int64_t most = 1024;  // that still come from near caches for every panel; oneDNN copies parts of more
constexpr int64_t deep = 768;   // columns of a panel, or pairs of them

int64_t whole(int64_t count, int64_t each) { return (count + each - 1) / each; }

}  // namespace

bool takes_panels(int64_t rows, const WeightMatrix& w) {
  const Tiles& tiles = best_tiles();
  const bool has = (w.type == WeightType::f32 && tiles.lanes == 16) ||
                   (w.type == WeightType::bf16 && tiles.product_of_pairs && w.columns % 2 == 0);
  return has && rows >= fewest && rows <= most && w.rows % tiles.lanes == 0;
}

void product_panels(Tensor x, const WeightMatrix& w, Tensor y) {
  assert(takes_panels(x.rows, w) && y.rows == x.rows && y.columns == w.rows);
  assert(x.columns * static_cast<int64_t>(sizeof(float)) == w.row_bytes());
  const Tiles& tiles = best_tiles();
  const auto product = w.type == WeightType::bf16 ? tiles.product_of_pairs : tiles.product;
  const Tensor elements{reinterpret_cast<float*>(w.data), w.rows, x.columns};
  const int64_t wide = tiles.most * tiles.lanes, panels = whole(w.rows, wide);
  // Threads take panels; where those are few, each with a part of the rows.
  const int64_t wanted = whole(4 * omp_get_max_threads(), panels), possible = whole(x.rows, 2 * fewest);
  const int64_t rows = whole(whole(x.rows, std::min(wanted, possible)), tiles.rows) * tiles.rows;
  const int64_t parts = whole(x.rows, rows);
#pragma omp parallel for schedule(dynamic)
  for (int64_t turn = 0; turn < panels * parts; ++turn) {
    thread_local Scratch kept;
    const int64_t first = turn / panels * rows, count = std::min(rows, x.rows - first);
    const int64_t column = turn % panels * wide, columns = std::min(wide, w.rows - column);
    for (int64_t k = 0; k < x.columns; k += deep) {
      const int64_t steps = std::min(deep, x.columns - k);
      float* const panel = kept.make(deep * wide);
      transpose(elements.row(column) + k, x.columns, columns, steps, panel, wide);
      product({x.row(first) + k, x.columns, 1, panel, wide, y.row(first) + column, y.columns, count, columns, steps,
               k > 0});
    }
  }
}

}  // namespace stemma::cpu

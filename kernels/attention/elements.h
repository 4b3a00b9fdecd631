// What attention multiplies for many queries: floats, or pairs of bf16 in the place of floats
// (kernels/products/tiles.h) where keys and values are bf16 and the processor multiplies that. Internal to kernels.
#pragma once

#include "kernels/attention/rows.h"

namespace stemma::cpu {

struct Elements {
  bool pairs;
  void (*product)(const SmallProduct& product);

  explicit Elements(WeightType keys)
      : pairs(keys == WeightType::bf16 && best_tiles().product_of_pairs),
        product(pairs ? best_tiles().product_of_pairs : best_tiles().product) {}
  int64_t of(int64_t numbers) const { return pairs ? (numbers + 1) / 2 : numbers; }

  // Sides of products, in scratch or where they lie; a pair whose second is not there has 0.
  // (rows, of(columns)): x, rounded where pairs are multiplied
  Rows left(RowsScratch& scratch, Rows x, int64_t rows, int64_t columns) const;
  Rows left_in_place(Rows x, int64_t rows, int64_t columns) const;
  // (of(width), padded(rows)): keys turned over, zeros past the rows; `copies` is scratch for them as they were
  Rows across(RowsScratch& scratch, RowsScratch& copies, KeptRows keys, int64_t rows, int64_t width) const;
  // (of(rows), padded(width))
  Rows down(RowsScratch& scratch, KeptRows values, int64_t rows, int64_t width) const;
};

}  // namespace stemma::cpu

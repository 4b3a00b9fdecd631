#include "kernels/attention/elements.h"

#include <cstring>

namespace stemma::cpu {
namespace {

void round_rows(Rows x, int64_t rows, int64_t columns, Rows to) {
  for (int64_t i = 0; i < rows; ++i) {
    auto* const halves = reinterpret_cast<uint16_t*>(to[i]);
    best_tiles().round(x[i], columns, halves);
    if (columns % 2) halves[columns] = 0;
  }
}

// Column by column a pair of the two rows' numbers; without a second row, of the first row's and 0.
STEMMA_CLONES void pair_rows(const uint16_t* first, const uint16_t* second, int64_t columns, uint32_t* to) {
  if (second)
#pragma omp simd
    for (int64_t c = 0; c < columns; ++c) to[c] = first[c] | uint32_t{second[c]} << 16;
  else
    for (int64_t c = 0; c < columns; ++c) to[c] = first[c];
}

const uint16_t* halves(const std::byte* row) { return reinterpret_cast<const uint16_t*>(row); }

}  // namespace

Rows Elements::left(RowsScratch& scratch, Rows x, int64_t rows, int64_t columns) const {
  if (!pairs) return x;
  const Rows to = scratch.make(rows, of(columns));
  round_rows(x, rows, columns, to);
  return to;
}

Rows Elements::left_in_place(Rows x, int64_t rows, int64_t columns) const {
  if (pairs) round_rows(x, rows, columns, x);
  return x;
}

Rows Elements::across(RowsScratch& scratch, RowsScratch& copies, KeptRows keys, int64_t rows, int64_t width) const {
  Rows whole = floats_of(keys);
  if (!pairs)
    return transpose_in(scratch, keys.type == WeightType::f32 ? whole : copy_in(copies, keys, rows, width), rows,
                        width);
  if (width % 2) {
    whole = copies.make(rows, of(width));
    for (int64_t i = 0; i < rows; ++i) {
      auto* const to = reinterpret_cast<std::byte*>(whole[i]);
      std::memcpy(to, keys[i], static_cast<size_t>(2 * width));
      std::memset(to + 2 * width, 0, 2);
    }
  }
  return transpose_in(scratch, whole, rows, of(width));
}

Rows Elements::down(RowsScratch& scratch, KeptRows values, int64_t rows, int64_t width) const {
  if (!pairs) return copy_in(scratch, values, rows, width);
  const Rows to = scratch.make(of(rows), padded(width));
  for (int64_t i = 0; i < rows; i += 2) {
    auto* const pair = reinterpret_cast<uint32_t*>(to[i / 2]);
    pair_rows(halves(values[i]), i + 1 < rows ? halves(values[i + 1]) : nullptr, width, pair);
    std::fill(pair + width, pair + to.stride, 0u);
  }
  return to;
}

}  // namespace stemma::cpu

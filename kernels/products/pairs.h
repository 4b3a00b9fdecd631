// Rows of f32 as products of pairs take them (Tiles::product_of_pairs).
#pragma once

#include <cstdint>

namespace stemma::cpu {

// to ((rows + 1) / 2, columns), its rows one behind the other: the numbers of two rows of x, rounded to bf16, in the
// place of a float; 0 for a row that is not there. Rows of x are x_stride apart.
void pair_rows(const float* x, int64_t x_stride, int64_t rows, int64_t columns, float* to);

}  // namespace stemma::cpu

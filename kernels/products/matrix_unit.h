// Products in bf16 by the processor's matrix unit (AMX), which multiplies tiles of 16 rows of 32 numbers, sums in f32:
// 8 to 16 times as fast as its vectors. Blocks use it as well (kernels/products/whole_tiles.h).
#pragma once

#include <span>

#include "kernels/ops.h"

namespace stemma::cpu {

bool has_matrix_unit();  // and this process may use it

// bf16, of whole tiles of columns, where there is the unit.
bool takes_matrix_unit(const WeightMatrix& w);
// y = x w^T for each of the products, all of which it takes; x (N, inputs) is rounded to bf16, y (N, outputs). Each
// weight is read from memory once for as many rows of x as are turned over together. Each number of y is the same to
// the last bit whatever the other rows and the number of threads are.
void product_by_matrix_unit(Tensor x, std::span<const Ops::Product> products);
// x (N, inputs) = y w, or += where `add`, of a w that it takes; y (N, outputs) is rounded to bf16. Bits as above.
void product_back_by_matrix_unit(Tensor y, const WeightMatrix& w, Tensor x, bool add);

}  // namespace stemma::cpu

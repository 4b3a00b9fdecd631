// Products of matrices in bf16, their sums in f32, where the processor has instructions for them.
#pragma once

#include "kernels/ops.h"

namespace stemma::cpu {

bool multiplies_bf16();

// x rounded to bf16, in memory of the calling thread that the next call writes over.
uint16_t* rounded_rows(Tensor x);

// c (m, n) = a op(b), or += where `add`; a (m, k), b (n, k) where it is transposed, else (k, n), of bf16.
void product_bf16(uint16_t* a, std::byte* b, bool transpose_b, int64_t k, Tensor c, bool add = false);

}  // namespace stemma::cpu

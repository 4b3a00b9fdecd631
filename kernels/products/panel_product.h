// Products of many rows with weights in f32, bf16 or f16, where register tiles are as wide as the processor's vectors
// of 512 bits: there they pass oneDNN's, above all on several threads.
#pragma once

#include "kernels/ops.h"

namespace stemma::cpu {

bool takes_panels(int64_t rows, const WeightMatrix& w);
// y = x w^T for each of the products, all of one type that it takes; x (N, inputs), rounded to bf16 for bf16 weights
// where the processor multiplies those, y (N, outputs). Each number of y is the same to the last bit whatever the other
// rows and the number of threads are.
void product_panels(Tensor x, std::span<const Ops::Product> products);

}  // namespace stemma::cpu

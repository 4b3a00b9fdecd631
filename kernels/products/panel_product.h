// Products of many rows with weights in f32 or bf16, where register tiles are as wide as the processor's vectors of 512
// bits: there they pass oneDNN's, above all on several threads.
#pragma once

#include "kernels/ops.h"

namespace stemma::cpu {

bool takes_panels(int64_t rows, const WeightMatrix& w);
// y = x w^T for such as it takes, y (N, outputs). x as w is: (N, inputs) in f32, or, rounded to bf16, pairs of its
// numbers in the place of floats, (N, inputs / 2). Each number of y is the same to the last bit whatever the other rows
// and the number of threads are.
void product_panels(Tensor x, const WeightMatrix& w, Tensor y);

}  // namespace stemma::cpu

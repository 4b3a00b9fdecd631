// Products of many rows with f32 weights, where register tiles are as wide as the processor's vectors of 512 bits:
// there they pass oneDNN's, above all on several threads.
#pragma once

#include "kernels/ops.h"

namespace stemma::cpu {

bool takes_panels(Tensor x, Tensor w);
// y = x w^T for such as it takes; shapes as Ops::linear. Each number of y is the same to the last bit whatever the
// other rows and the number of threads are.
void product_panels(Tensor x, Tensor w, Tensor y);

}  // namespace stemma::cpu

// The limits that times are held against.
#pragma once

#include "runtime/influence/documents.h"

namespace stemma {

// f32 matrix products of the device, FLOP/s: the best of a few large ones.
double matmul_rate(Ops& ops);
// Weights of all tracked layers.
double tracked_parameters(const Model& model);

}  // namespace stemma

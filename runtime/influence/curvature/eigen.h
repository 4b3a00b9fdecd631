// Eigenvectors of symmetric matrices in f64, as the f32 that curvature factors are kept in.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/ops.h"

namespace stemma {

// `matrix` (n,n) symmetric. Returns (n,n): row i is the eigenvector of the i-th smallest eigenvalue. On the device of
// `ops`; without it on the host, which is sooner done with what is narrow. Throws Error.
std::vector<float> eigenvectors(Ops& ops, std::vector<double> matrix, int64_t n);
std::vector<float> eigenvectors(std::vector<double> matrix, int64_t n);

// How many matrices of this width are sooner decomposed side by side (kernels/side_by_side.h) than one by one.
int64_t decomposed_together(const Ops& ops, int64_t width);

}  // namespace stemma

// Eigenvectors of symmetric matrices in f64 (LAPACK dsyevd).
#pragma once

#include <cstdint>
#include <vector>

namespace stemma {

// `matrix` (n,n) symmetric. Returns (n,n): row i is the eigenvector of the i-th smallest eigenvalue. Throws Error.
std::vector<float> eigenvectors(std::vector<double> matrix, int64_t n);

}  // namespace stemma

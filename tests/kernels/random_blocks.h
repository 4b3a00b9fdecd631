// Matrices of weights as they are stored, of random bits, and the numbers that they are.
#pragma once

#include <vector>

#include "kernels/weight_matrix.h"
#include "tests/kernels/reference.h"

namespace stemma::reference {

// Random blocks, all bits but for the scales, which stay small numbers.
std::vector<std::byte> random_blocks(WeightType type, int64_t numbers, Random& random);
Matrix numbers_of(WeightType type, const std::vector<std::byte>& bytes, int64_t rows, int64_t columns);
// x in bf16; x becomes the numbers that are left.
std::vector<uint16_t> round_to_bf16(Matrix& x);

}  // namespace stemma::reference

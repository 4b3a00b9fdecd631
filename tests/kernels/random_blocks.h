// Matrices of weights as they are stored, of random bits, and the numbers that they are.
#pragma once

#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/half.h"
#include "kernels/quants.h"
#include "kernels/weight_matrix.h"
#include "tests/kernels/reference.h"

namespace stemma::reference {

// Random blocks, all bits but for the scales, which stay small numbers.
inline std::vector<std::byte> random_blocks(WeightType type, int64_t numbers, Random& random) {
  const WeightFormat& format = format_of(type);
  std::vector<std::byte> bytes(static_cast<size_t>(numbers / format.elements * format.bytes));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.bits());
  const auto put = [&](size_t at, auto bits) { std::memcpy(bytes.data() + at, &bits, sizeof bits); };
  for (size_t at = 0; at < bytes.size(); at += static_cast<size_t>(format.bytes)) {
    const auto number = static_cast<float>(random.normal());
    if (type == WeightType::f32) put(at, number);
    if (type == WeightType::bf16) put(at, bf16_of(number));
    if (type == WeightType::f16) put(at, half_of(number));
    if (format.elements == 1) continue;
    put(at + (type == WeightType::q6_k ? 208 : 0), half_of(0.01f * number));
    const bool minimum =
        type == WeightType::q4_1 || type == WeightType::q5_1 || type == WeightType::q4_k || type == WeightType::q5_k;
    if (minimum) put(at + 2, half_of(0.02f * static_cast<float>(random.normal())));
  }
  return bytes;
}

inline float number_at(WeightType type, const std::byte* bytes, int64_t i) {
  if (const BlockFormat* format = find_block_format(format_of(type).name)) {
    float block[largest_block];
    format->decode(bytes + i / format->elements * format->bytes, block);
    return block[i % format->elements];
  }
  float number;
  uint16_t bits;
  if (type == WeightType::f32) {
    std::memcpy(&number, bytes + 4 * i, 4);
    return number;
  }
  std::memcpy(&bits, bytes + 2 * i, 2);
  return type == WeightType::f16 ? float_of(bits) : __builtin_bit_cast(float, static_cast<uint32_t>(bits) << 16);
}

inline Matrix magnitudes(Matrix x) {
  for (double& number : x.data) number = std::abs(number);
  return x;
}

}  // namespace stemma::reference

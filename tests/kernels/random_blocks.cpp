#include "tests/kernels/random_blocks.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/half.h"
#include "kernels/quants.h"

namespace stemma::reference {

std::vector<std::byte> random_blocks(WeightType type, int64_t numbers, Random& random) {
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

Matrix numbers_of(WeightType type, const std::vector<std::byte>& bytes, int64_t rows, int64_t columns) {
  const WeightFormat& format = format_of(type);
  const BlockFormat* const block = find_block_format(format.name);
  Matrix numbers(rows, columns);
  std::vector<float> some(static_cast<size_t>(format.elements));
  for (int64_t i = 0; i < rows * columns; i += format.elements) {
    const std::byte* const at = bytes.data() + i / format.elements * format.bytes;
    if (block) {
      block->decode(at, some.data());
    } else if (type == WeightType::f32) {
      std::memcpy(some.data(), at, sizeof(float));
    } else {
      uint16_t bits;
      std::memcpy(&bits, at, sizeof bits);
      some[0] = type == WeightType::f16 ? float_of(bits) : std::bit_cast<float>(uint32_t{bits} << 16);
    }
    std::copy(some.begin(), some.end(), numbers.data.begin() + i);
  }
  return numbers;
}

std::vector<uint16_t> round_to_bf16(Matrix& x) {
  std::vector<uint16_t> bits;
  for (double& number : x.data) {
    bits.push_back(bf16_of(static_cast<float>(number)));
    number = std::bit_cast<float>(static_cast<uint32_t>(bits.back()) << 16);
  }
  return bits;
}

}  // namespace stemma::reference

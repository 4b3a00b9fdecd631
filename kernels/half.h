// IEEE half precision by its bits, and bfloat16.
#pragma once

#include <bit>
#include <cstdint>

namespace stemma {

// Both round to nearest, ties to even; NaN stays NaN. Without branches: of many in a loop that is vectorised.
// Past the largest becomes infinite.
inline uint16_t half_of(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7FFFFFFF;
  // Below 2^-14: adding 0.5 lines the last half-precision bit up with the last bit of the sum, which rounds.
  const uint32_t small = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3F000000;
  const uint32_t usual = (magnitude + 0xFFF + (magnitude >> 13 & 1) - 0x38000000) >> 13;
  uint32_t half = magnitude < 0x38800000 ? small : usual;
  half = magnitude >= 0x47800000 ? 0x7C00 : half;  // 65536 and above
  half = magnitude > 0x7F800000 ? 0x7E00 : half;
  return static_cast<uint16_t>(sign | half);
}
inline uint16_t bf16_of(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value), rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  return static_cast<uint16_t>(value != value ? bits >> 16 | 0x40 : rounded);
}
float float_of(uint16_t half);  // exact

}  // namespace stemma

// IEEE half precision by its bits, and bfloat16.
#pragma once

#include <bit>
#include <cstdint>

namespace stemma {

// Round to nearest, ties to even; past the largest becomes infinite; NaN stays NaN.
uint16_t half_of(float value);
inline uint16_t bf16_of(float value) {  // of many in a loop that is vectorised
  const uint32_t bits = std::bit_cast<uint32_t>(value), rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  return static_cast<uint16_t>(value != value ? bits >> 16 | 0x40 : rounded);
}
float float_of(uint16_t half);  // exact

}  // namespace stemma

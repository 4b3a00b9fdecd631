// IEEE half precision by its bits, and bfloat16.
#pragma once

#include <cstdint>

namespace stemma {

// Round to nearest, ties to even; past the largest becomes infinite; NaN stays NaN.
uint16_t half_of(float value);
uint16_t bf16_of(float value);
float float_of(uint16_t half);  // exact

}  // namespace stemma

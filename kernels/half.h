// IEEE half precision by its bits.
#pragma once

#include <cstdint>

namespace stemma {

// Rounds to nearest, ties to even; past 65504 becomes infinite; NaN stays NaN.
uint16_t half_of(float value);
float float_of(uint16_t half);  // exact

}  // namespace stemma

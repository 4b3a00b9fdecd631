#pragma once

#include "kernels/half.h"

struct __nv_bfloat16 {
  uint16_t bits;

  __nv_bfloat16() = default;
  explicit __nv_bfloat16(float value) : bits(stemma::bf16_of(value)) {}
  operator float() const { return std::bit_cast<float>(uint32_t{bits} << 16); }
};

// What kernels/tensor_cores.cuh has for a GPU, whose place this file takes.
#pragma once

#include <array>
#include <cstdlib>

#include "kernels/half.h"
#include "tests/kernels/emulated/include/cuda_bf16.h"
#include "tests/kernels/emulated/include/cuda_runtime.h"

namespace stemma::cuda {

inline uint32_t pair_of(float first, float second) {
  return bf16_of(first) | static_cast<uint32_t>(bf16_of(second)) << 16;
}

// visit(matrix, rows): where the eight rows of each matrix are.
template <class Visit>
void each_matrix(const __nv_bfloat16* row, emulated::Place place, Visit visit) {
  if (reinterpret_cast<uintptr_t>(row) % 16) std::abort();  // as a GPU ends the kernel
  const emulated::Slot* slots = emulated::warp_exchange(~0u, emulated::Slot::of(row), place);
  for (int m = 0; m < 4; ++m) visit(m, [&](int r) { return slots[8 * m + r].as<const __nv_bfloat16*>(); });
}
inline void load_matrices(uint32_t (&parts)[4], const __nv_bfloat16* row,
                          emulated::Place place = emulated::Place::current()) {
  const int across = threadIdx.x % 32 / 4, along = threadIdx.x % 4 * 2;
  each_matrix(row, place, [&](int m, auto rows) { std::memcpy(&parts[m], rows(across) + along, 4); });
}
inline void load_transposed(uint32_t (&parts)[4], const __nv_bfloat16* row,
                            emulated::Place place = emulated::Place::current()) {
  const int across = threadIdx.x % 32 / 4, along = threadIdx.x % 4 * 2;
  each_matrix(row, place, [&](int m, auto rows) {
    parts[m] = rows(along)[across].bits | static_cast<uint32_t>(rows(along + 1)[across].bits) << 16;
  });
}

inline void add_product(float (&sums)[4], const uint32_t (&a)[4], uint32_t top, uint32_t bottom,
                        emulated::Place place = emulated::Place::current()) {
  const std::array<uint32_t, 6> own{a[0], a[1], a[2], a[3], top, bottom};
  const emulated::Slot* slots = emulated::warp_exchange(~0u, emulated::Slot::of(own), place);
  const auto number = [&](int lane, int part, int i) {
    uint32_t pair;
    std::memcpy(&pair, slots[lane].bytes + 4 * part, 4);
    return std::bit_cast<float>(pair >> (16 * (i % 2)) << 16);
  };
  const int row = threadIdx.x % 32 / 4, column = threadIdx.x % 4 * 2;  // the first of the two that are the lane's
  for (int k = 0; k < 16; ++k) {
    const int place_of_k = k % 8 / 2;
    for (int i = 0; i < 4; ++i)
      sums[i] +=
          number(row * 4 + place_of_k, i / 2 + k / 8 * 2, k) * number((column + i % 2) * 4 + place_of_k, 4 + k / 8, k);
  }
}

}  // namespace stemma::cuda

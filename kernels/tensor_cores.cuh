// How a warp multiplies bf16 numbers with f32 sums on tensor cores: the instructions of PTX (ISA, "Matrix fragments for
// mma.m16n8k16") that the kernels use, each for the whole warp. Lane l holds of
//   a (16 x 16): rows l/4 and l/4 + 8, columns 2 (l%4) + {0, 1} and 8 behind: parts (top left, bottom left, top right,
//                bottom right);
//   b (16 x 8):  column l/4, rows 2 (l%4) + {0, 1} and 8 below: parts (top, bottom);
//   sums (16 x 8): rows l/4 and l/4 + 8, columns 2 (l%4) + {0, 1}: (upper row's two, lower row's two).
#pragma once

#include <cuda_bf16.h>

#include <cstdint>

namespace stemma::cuda {

__device__ inline uint32_t pair_of(float first, float second) {
  const __nv_bfloat162 both = __floats2bfloat162_rn(first, second);
  return reinterpret_cast<const uint32_t&>(both);
}

// Four 8 x 8 matrices from shared memory. Lanes 8 m .. 8 m + 7 say where the rows of matrix m are, on 16 bytes; lane l
// gets of each the columns 2 (l%4) + {0, 1} of row l/4.
__device__ inline void load_matrices(uint32_t (&parts)[4], const __nv_bfloat16* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(parts[0]), "=r"(parts[1]), "=r"(parts[2]), "=r"(parts[3])
               : "r"(static_cast<uint32_t>(__cvta_generic_to_shared(row)))
               : "memory");
}
// The same; lane l gets of each the rows 2 (l%4) + {0, 1} of column l/4.
__device__ inline void load_transposed(uint32_t (&parts)[4], const __nv_bfloat16* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(parts[0]), "=r"(parts[1]), "=r"(parts[2]), "=r"(parts[3])
               : "r"(static_cast<uint32_t>(__cvta_generic_to_shared(row)))
               : "memory");
}

// sums += a b
__device__ inline void add_product(float (&sums)[4], const uint32_t (&a)[4], uint32_t top, uint32_t bottom) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(top), "r"(bottom));
}

}  // namespace stemma::cuda

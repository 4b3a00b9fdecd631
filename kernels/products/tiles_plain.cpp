#include "kernels/products/dots_code.h"
#include "kernels/products/small_product_code.h"
#include "kernels/products/transpose.h"

namespace stemma::cpu {

const Tiles tiles_plain = {4, 4, 3, DotsCode<4>::dots, SmallProductCode<4, 4, 3>::product, transpose};

const Tiles& best_tiles() {
#if defined(__x86_64__)
  static const Tiles& best = __builtin_cpu_supports("avx512bf16")  ? tiles_bf16()
                             : __builtin_cpu_supports("x86-64-v4") ? tiles_avx512
                             : __builtin_cpu_supports("x86-64-v3") ? tiles_avx2
                                                                   : tiles_plain;
  return best;
#else
  return tiles_plain;
#endif
}

}  // namespace stemma::cpu

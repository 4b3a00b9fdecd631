#include "kernels/outer_tile_code.h"

namespace stemma::cpu {

using Code = OuterTileCode<4, 4, 3>;
const OuterTiles outer_tiles_plain = {4, 4, 3, Code::dots_any, Code::sums_any<false>, Code::sums_any<true>};

const OuterTiles& outer_tiles() {
#if defined(__x86_64__)
  static const OuterTiles& best = __builtin_cpu_supports("x86-64-v4")   ? outer_tiles_avx512
                                  : __builtin_cpu_supports("x86-64-v3") ? outer_tiles_avx2
                                                                        : outer_tiles_plain;
  return best;
#else
  return outer_tiles_plain;
#endif
}

}  // namespace stemma::cpu

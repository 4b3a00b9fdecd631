#include "kernels/outer_tile.h"
#if defined(__x86_64__)
#pragma GCC target("arch=x86-64-v4")
#include "kernels/outer_tile_code.h"

namespace stemma::cpu {

using Code = OuterTileCode<16, 8, 3>;  // 24 sums, 3 loads of 32 registers
const OuterTiles outer_tiles_avx512 = {16, 8, 3, Code::dots_any, Code::sums_any<false>, Code::sums_any<true>};

}  // namespace stemma::cpu
#endif

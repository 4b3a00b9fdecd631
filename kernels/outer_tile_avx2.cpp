#include "kernels/outer_tile.h"
#if defined(__x86_64__)
#pragma GCC target("arch=x86-64-v3")
#include "kernels/outer_tile_code.h"

namespace stemma::cpu {

using Code = OuterTileCode<8, 4, 3>;  // 12 sums, 3 loads and a row's number of 16 registers
const OuterTiles outer_tiles_avx2 = {8, 4, 3, Code::dots_any, Code::sums_any<false>, Code::sums_any<true>};

}  // namespace stemma::cpu
#endif

#include "kernels/tiles.h"
#if defined(__x86_64__)
#pragma GCC target("arch=x86-64-v3")
#include "kernels/small_product_code.h"
#include "kernels/tiles_code.h"

namespace stemma::cpu {

using Code = TileCode<8, 4, 3>;  // 12 sums, 3 loads and a row's number of 16 registers
const Tiles tiles_avx2 = {8,
                          4,
                          3,
                          Code::dots_any,
                          Code::pairs_any,
                          Code::pairs_room,
                          Code::sums_any<false>,
                          Code::sums_any<true>,
                          SmallProductCode<8, 4, 3>::product};

}  // namespace stemma::cpu
#endif

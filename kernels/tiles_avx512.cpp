#include "kernels/tiles.h"
#if defined(__x86_64__)
#pragma GCC target("arch=x86-64-v4")
#include "kernels/small_product_code.h"
#include "kernels/tiles_code.h"

namespace stemma::cpu {

using Code = TileCode<16, 8, 3>;  // 24 sums, 3 loads of 32 registers
const Tiles tiles_avx512 = {16,
                            8,
                            3,
                            Code::dots_any,
                            Code::pairs_any,
                            Code::pairs_room,
                            Code::sums_any<false>,
                            Code::sums_any<true>,
                            SmallProductCode<16, 8, 3>::product};

}  // namespace stemma::cpu
#endif

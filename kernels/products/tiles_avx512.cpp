#include "kernels/products/tiles.h"
#if defined(__x86_64__)
#pragma GCC target("arch=x86-64-v4")
#include "kernels/products/dots_code.h"
#include "kernels/products/small_product_code.h"

namespace stemma::cpu {

const Tiles tiles_avx512 = {16, 8, 3, DotsCode<16>::dots, SmallProductCode<16, 8, 3>::product};

}  // namespace stemma::cpu
#endif

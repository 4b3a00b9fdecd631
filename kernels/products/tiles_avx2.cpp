#include "kernels/products/tiles.h"
#include "kernels/products/transpose.h"
#if defined(__x86_64__)
#pragma GCC target("arch=x86-64-v3")
#include "kernels/products/dots_code.h"
#include "kernels/products/small_product_code.h"

namespace stemma::cpu {

const Tiles tiles_avx2 = {8, 4, 3, DotsCode<8>::dots, SmallProductCode<8, 4, 3>::product, transpose};

}  // namespace stemma::cpu
#endif

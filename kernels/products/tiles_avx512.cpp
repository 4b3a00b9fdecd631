#include "kernels/products/tiles.h"
#include "kernels/products/transpose.h"
#if defined(__x86_64__)
#pragma GCC target("arch=x86-64-v4")
#include "kernels/products/dots_code.h"
#include "kernels/products/small_product_code.h"

namespace stemma::cpu {
namespace {

typedef float Vector __attribute__((vector_size(64), aligned(4), may_alias));

// The numbers of a, then those of b, at these places.
template <int... Places>
inline __attribute__((always_inline)) Vector pick(Vector a, Vector b) {
  return __builtin_shufflevector(a, b, Places...);
}

// to[d..d+16][j..j+16] from x[j..j+16][d..d+16], given where those begin: pairs of rows meet, then fours of them, and
// then the four columns' fours, which lie in each other's place.
inline __attribute__((always_inline)) void transpose_sixteen(const float* x, int64_t x_stride, float* to,
                                                             int64_t to_stride) {
  Vector fours[16];
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    Vector row[4];
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) row[r] = *reinterpret_cast<const Vector*>(x + (i + r) * x_stride);
#pragma GCC unroll 2
    for (int r = 0; r < 4; r += 2) {
      const Vector a = row[r], b = row[r + 1];
      row[r] = pick<0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29>(a, b);
      row[r + 1] = pick<2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31>(a, b);
    }
#pragma GCC unroll 2
    for (int r = 0; r < 2; ++r) {
      const Vector a = row[r], b = row[r + 2];
      fours[i + 2 * r] = pick<0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29>(a, b);
      fours[i + 2 * r + 1] = pick<2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31>(a, b);
    }
  }
#pragma GCC unroll 4
  for (int column = 0; column < 4; ++column) {
    Vector near[2], far[2];
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const Vector a = fours[column + 8 * half], b = fours[column + 8 * half + 4];
      near[half] = pick<0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23>(a, b);
      far[half] = pick<8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31>(a, b);
    }
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const Vector a = half ? far[0] : near[0], b = half ? far[1] : near[1];
      float* const at = to + (column + 8 * half) * to_stride;
      *reinterpret_cast<Vector*>(at) = pick<0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27>(a, b);
      *reinterpret_cast<Vector*>(at + 4 * to_stride) =
          pick<4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31>(a, b);
    }
  }
}

void transpose_sixteens(const float* x, int64_t x_stride, int64_t rows, int64_t columns, float* to, int64_t to_stride) {
  const int64_t whole_rows = rows / 16 * 16, whole_columns = columns / 16 * 16;
  for (int64_t j = 0; j < whole_rows; j += 16)
    for (int64_t d = 0; d < whole_columns; d += 16)
      transpose_sixteen(x + j * x_stride + d, x_stride, to + d * to_stride + j, to_stride);
  transpose(x + whole_columns, x_stride, whole_rows, columns - whole_columns, to + whole_columns * to_stride,
            to_stride);
  transpose(x + whole_rows * x_stride, x_stride, rows - whole_rows, columns, to + whole_rows, to_stride);
}

}  // namespace

const Tiles tiles_avx512 = {16, 8, 3, DotsCode<16>::dots, SmallProductCode<16, 8, 3>::product, transpose_sixteens};

}  // namespace stemma::cpu
#endif

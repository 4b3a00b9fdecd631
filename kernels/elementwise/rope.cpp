#include "kernels/cpu_kernels.h"

namespace stemma::cpu {
namespace {

STEMMA_CLONES void rotate_row(float* x, const float* angles, int64_t heads, int64_t width, int64_t half,
                              float sign) {
  for (int64_t h = 0; h < heads; ++h) {
    float* low = x + h * width;
    float* high = low + half;
#pragma omp simd
    for (int64_t i = 0; i < half; ++i) {
      const float cosine = angles[i], sine = sign * angles[half + i];
      const float a = low[i], b = high[i];
      low[i] = a * cosine - b * sine;
      high[i] = b * cosine + a * sine;
    }
  }
}

}  // namespace

void rope(Tensor x, Ids positions, Tensor table, int head_width, Rotation rotation) {
  const float sign = rotation == Rotation::forward ? 1.0f : -1.0f;
#pragma omp parallel for schedule(static) if (x.rows > 1 && x.size() >= shared_from)
  for (int64_t n = 0; n < x.rows; ++n)
    rotate_row(x.row(n), table.row(positions.data[n]), x.columns / head_width, head_width, table.columns / 2, sign);
}

}  // namespace stemma::cpu

// The activation gradient of products with weights as they are stored.
#include <algorithm>
#include <cassert>
#include <vector>

#include "kernels/bf16_product.h"
#include "kernels/cpu_kernels.h"
#include "kernels/interleaved.h"

namespace stemma::cpu {
namespace {

constexpr int64_t panel = 1 << 20;  // unpacked numbers that stay in the caches

// x_gradient = y_gradient w, panel by panel of w's rows.
void multiply_panels(Tensor y_gradient, const WeightMatrix& w, Tensor x_gradient, bool add, const Streams& streams) {
  const int64_t height = std::clamp<int64_t>(panel / w.columns, 1, w.rows);
  thread_local std::vector<float> unpacked;
  unpacked.resize(static_cast<size_t>(height * w.columns));
  float* to = unpacked.data();
  for (int64_t first = 0; first < w.rows; first += height) {
    const int64_t count = std::min(height, w.rows - first);
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < count; ++r) unpack_row(w, first + r, to + r * w.columns, streams);
    product(y_gradient.data + first, false, y_gradient.columns, to, false, w.columns, x_gradient.data, x_gradient.rows,
            w.columns, count, 1, add || first > 0 ? 1 : 0, w.columns);
  }
}

}  // namespace

void linear_backward(Tensor y_gradient, const WeightMatrix& w, Tensor x_gradient, bool add, const Streams& streams) {
  assert(y_gradient.columns == w.rows && x_gradient.rows == y_gradient.rows && x_gradient.columns == w.columns);
  if (y_gradient.rows == 0) return;
  if (w.type == WeightType::f32)
    matmul(y_gradient, false, numbers_of(w), false, x_gradient, 1, add ? 1 : 0);
  else if (w.type == WeightType::bf16 && multiplies_bf16() && &streams == &best_streams())
    product_bf16(rounded_rows(y_gradient), w.data, false, w.rows, x_gradient, add);
  else
    multiply_panels(y_gradient, w, x_gradient, add, streams);
}

}  // namespace stemma::cpu

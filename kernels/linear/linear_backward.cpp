// The activation gradient of products with weights as they are stored.
#include <cassert>

#include "kernels/cpu_kernels.h"
#include "kernels/products/bf16_product.h"
#include "kernels/products/matrix_unit.h"
#include "kernels/products/unpacked_panels.h"

namespace stemma::cpu {

void linear_backward(Tensor y_gradient, const WeightMatrix& w, Tensor x_gradient, bool add, const Streams& streams) {
  assert(y_gradient.columns == w.rows && x_gradient.rows == y_gradient.rows && x_gradient.columns == w.columns);
  if (y_gradient.rows == 0) return;
  if (w.type == WeightType::f32)
    matmul(y_gradient, false, numbers_of(w), false, x_gradient, 1, add ? 1 : 0);
  else if (takes_matrix_unit(w) && &streams == &best_streams())
    product_back_by_matrix_unit(y_gradient, w, x_gradient, add);
  else if (w.type == WeightType::bf16 && multiplies_bf16() && &streams == &best_streams())
    product_bf16(rounded_rows(y_gradient), w.data, false, w.rows, x_gradient, add);
  else
    each_panel(w, streams, [&](int64_t first, int64_t count, const float* numbers) {
      product(y_gradient.data + first, false, y_gradient.columns, numbers, false, w.columns, x_gradient.data,
              x_gradient.rows, w.columns, count, 1, add || first > 0 ? 1 : 0, w.columns);
    });
}

}  // namespace stemma::cpu

#include "kernels/cpu_kernels.h"

namespace stemma::cpu {

// Two rows may be the same token's: threads share the columns, not the rows.
void embed_backward(Ids ids, Tensor out_gradient, Tensor table_gradient) {
  const int64_t columns = out_gradient.columns, block = 32;
#pragma omp parallel for schedule(static)
  for (int64_t begin = 0; begin < columns; begin += block) {
    const int64_t end = begin + block < columns ? begin + block : columns;
    for (int64_t n = 0; n < out_gradient.rows; ++n) {
      const float* from = out_gradient.row(n);
      float* to = table_gradient.row(ids.data[n]);
      for (int64_t c = begin; c < end; ++c) to[c] += from[c];
    }
  }
}

}  // namespace stemma::cpu

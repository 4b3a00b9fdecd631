#include <dnnl.h>

#include <algorithm>
#include <cassert>
#include <stdexcept>

#include "kernels/cpu_kernels.h"
#include "kernels/products/panel_product.h"
#include "kernels/products/tiles.h"
#include "kernels/scratch.h"

namespace stemma::cpu {
namespace {

constexpr int64_t short_text = 128;  // tokens that register tiles multiply faster than oneDNN
constexpr int64_t alike = 1024;      // numbers after which rows share their lines of the first-level cache

STEMMA_CLONES void add_span(const float* x, float* y, float scale, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] += scale * x[i];
}

}  // namespace

void product(const float* a, bool transpose_a, int64_t a_columns, const float* b, bool transpose_b, int64_t b_columns,
             float* c, int64_t m, int64_t n, int64_t k, float alpha, float beta, int64_t c_columns) {
  if (k == 0) {  // oneDNN leaves c as it was
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) c[i * c_columns + j] = beta == 0 ? 0 : beta * c[i * c_columns + j];
    return;
  }
  if (dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, alpha, a, a_columns, b, b_columns, beta, c,
                 c_columns) != dnnl_success)
    throw std::runtime_error("oneDNN refused a matrix product");
}

void matmul(Tensor a, bool transpose_a, Tensor b, bool transpose_b, Tensor c, float alpha, float beta) {
  const int64_t k = transpose_a ? a.rows : a.columns;
  assert(k == (transpose_b ? b.columns : b.rows));
  assert(c.rows == (transpose_a ? a.columns : a.rows) && c.columns == (transpose_b ? b.rows : b.columns));
  if (!transpose_a && transpose_b && alpha == 1 && beta == 0 && k > 0 && takes_panels(c.rows, matrix_of(b))) {
    const Ops::Product one[] = {{matrix_of(b), c}};
    return product_panels(a, one);
  }
  product(a.data, transpose_a, a.columns, b.data, transpose_b, b.columns, c.data, c.rows, c.columns, k, alpha, beta,
          c.columns);
}

bool outer_in_tiles(int64_t tokens, int64_t columns, int64_t b_columns) {
  const int lanes = best_tiles().lanes;
  return lanes == 16 && columns % lanes == 0 && tokens <= short_text && b_columns % alike != 0;
}

void outer(const float* a, int64_t a_columns, const float* b, int64_t b_columns, int64_t tokens, float* c, int64_t rows,
           int64_t columns, const NextRows& next) {
  if (outer_in_tiles(tokens, columns, b_columns))
    return best_tiles().product({a, 1, a_columns, b, b_columns, c, columns, rows, columns, tokens, false, next});
  // oneDNN gets rows that lie one behind the other: those of many numbers apart share lines of the first-level cache.
  thread_local Scratch own;
  float* const near = rows < a_columns ? own.make(tokens * rows) : nullptr;
  for (int64_t t = 0; near && t < tokens; ++t) std::copy_n(a + t * a_columns, rows, near + t * rows);
  product(near ? near : a, true, near ? rows : a_columns, b, false, b_columns, c, rows, columns, tokens, 1, 0, columns);
}

// Documents are short and many: threads take documents, and oneDNN stays on the calling thread inside a parallel
// region.
void segment_outer(Tensor a, Tensor b, std::span<const Segment> segments, Tensor products) {
  const auto count = static_cast<int64_t>(segments.size());
#pragma omp parallel for schedule(dynamic) if (count > 1)
  for (int64_t s = 0; s < count; ++s) {
    const int64_t begin = segments[s].query_begin, tokens = segments[s].query_end - begin;
    outer(a.row(begin), a.columns, b.row(begin), b.columns, tokens, products.row(s), a.columns, b.columns);
  }
}

void add(Tensor x, Tensor y, float scale) {
#pragma omp parallel for schedule(static) if (x.rows > 1 && x.size() >= shared_from)
  for (int64_t n = 0; n < x.rows; ++n) add_span(x.row(n), y.row(n), scale, x.columns);
}

}  // namespace stemma::cpu

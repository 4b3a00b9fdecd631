// A matrix turned over, four by four.
#pragma once

#include <cstdint>

namespace stemma::cpu {

// to[d..d+4][j..j+4] from x[j..j+4][d..d+4], given where those begin
inline void transpose_four(const float* x, int64_t x_stride, float* to, int64_t to_stride) {
  typedef float Quad __attribute__((vector_size(16), aligned(4), may_alias));
  const auto row = [&](int i) { return *reinterpret_cast<const Quad*>(x + i * x_stride); };
  const auto put = [&](int i, Quad quad) { *reinterpret_cast<Quad*>(to + i * to_stride) = quad; };
  const Quad a = row(0), b = row(1), c = row(2), e = row(3);
  const Quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Quad ce = __builtin_shufflevector(c, e, 0, 4, 1, 5), ce2 = __builtin_shufflevector(c, e, 2, 6, 3, 7);
  put(0, __builtin_shufflevector(ab, ce, 0, 1, 4, 5));
  put(1, __builtin_shufflevector(ab, ce, 2, 3, 6, 7));
  put(2, __builtin_shufflevector(ab2, ce2, 0, 1, 4, 5));
  put(3, __builtin_shufflevector(ab2, ce2, 2, 3, 6, 7));
}

// to (columns, rows) = x^T, x (rows, columns); rows of both are their stride apart.
inline void transpose(const float* x, int64_t x_stride, int64_t rows, int64_t columns, float* to, int64_t to_stride) {
  const int64_t whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
  for (int64_t j = 0; j < whole_rows; j += 4)
    for (int64_t d = 0; d < whole_columns; d += 4)
      transpose_four(x + j * x_stride + d, x_stride, to + d * to_stride + j, to_stride);
  for (int64_t j = 0; j < rows; ++j)
    for (int64_t d = j < whole_rows ? whole_columns : 0; d < columns; ++d) to[d * to_stride + j] = x[j * x_stride + d];
}

}  // namespace stemma::cpu

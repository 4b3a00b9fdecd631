// Weights that pass through the processor once: products of a few rows with all of a matrix, at the memory's speed.
//
// Each instruction set has its own file, streams_*.cpp, as with kernels/tiles.h.
#pragma once

#include "kernels/weight_matrix.h"

namespace stemma::cpu {

// y = x w^T for rows [begin, end) of w: y[i * y_stride + r] = <x row i, w row r>. x (rows, columns) f32.
//
// `packed` is x again, `together` rows by as many: of such a group 32 columns of each row, then the next 32, while
// whole ones last. Rows of x themselves are often apart by a power of two, and drive each other out of the cache.
struct Stream {
  static constexpr int together = 8;
  const std::byte* w;
  int64_t w_stride;  // bytes
  int64_t begin, end;
  const float *x, *packed;
  int64_t rows, columns;
  float* y;
  int64_t y_stride;
};

struct Streams {
  void (*multiply[weight_types])(const Stream& stream);  // each weight is read once for all rows of x
  void (*unpack[weight_types])(const std::byte* row, int64_t columns, float* out);
};

extern const Streams streams_plain;
#if defined(__x86_64__)
extern const Streams streams_avx2, streams_avx512;
#endif
const Streams& best_streams();  // the best this processor has

}  // namespace stemma::cpu

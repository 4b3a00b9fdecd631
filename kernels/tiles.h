// Tiles of x^T y, the sum over a segment's tokens of outer products, held in registers while the tokens pass. What is
// wanted of a segment's product is taken from the tile at once; the product itself is never written.
//
// Each instruction set has its own file, tiles_*.cpp, which includes this one and names its shape of tile.
#pragma once

#include <cstdint>
#include <utility>  // of tiles_code.h, which may include nothing

namespace stemma::cpu {

// x^T y over packed tokens. x (tokens, P) lies in panels of Rows columns, y (tokens, M) in strips of a few vectors,
// both token after token and padded with zeros to whole panels and vectors.
struct OuterJob {
  const float* x;  // its first panel; the next one is x_stride further
  int64_t x_stride;
  const float* y;       // the strip
  int vectors;          // its width
  int64_t columns;      // how many of its columns are there
  int64_t rows;         // of x's columns, counted from the first panel's first
  const int64_t* cuts;  // segment s is the tokens [cuts[s], cuts[s+1])
  int64_t segments;
};

// c = a b, or c += a b: of matrices that lie in the caches. a (rows, steps) is read by any strides, the rows of b
// (steps, columns) and c (rows, columns) are contiguous; columns is a multiple of 16.
struct SmallProduct {
  const float* a;
  int64_t a_row, a_step;
  const float* b;
  int64_t b_row;
  float* c;
  int64_t c_row;
  int64_t rows, columns, steps;
  bool add = false;
};

// The operations on tiles. `other` is where the job's first row and column lie in a matrix of the product's shape,
// whose rows are `stride` apart.
struct Tiles {
  int lanes, rows, most;  // floats of a vector; x's columns of a tile; the most vectors of a strip
  // scores[s * queries + q] += <other + q * query_stride, product of segment s>
  void (*dots)(const OuterJob& job, const float* other, int64_t stride, int64_t query_stride, int64_t queries,
               float* scores);
  // scores[s * Q + q] += <product of segment q of `queries`, product of segment s>, both of the same rows and columns;
  // `room`: pairs_room floats, a cache's line at their beginning
  void (*pairs)(const OuterJob& job, const OuterJob& queries, float* room, float* scores);
  int64_t pairs_room;
  // other += the product, or its square element by element, summed over segments
  void (*sums)(const OuterJob& job, float* other, int64_t stride);
  void (*squares)(const OuterJob& job, float* other, int64_t stride);
  void (*product)(const SmallProduct& product);
  // The same, of pairs of bf16 in the place of a's and b's floats: c += a0 b0 + a1 b1. Null where there is none.
  void (*product_of_pairs)(const SmallProduct& product) = nullptr;
};

extern const Tiles tiles_plain;
#if defined(__x86_64__)
extern const Tiles tiles_avx2, tiles_avx512;
const Tiles& tiles_bf16();  // tiles_avx512, and pairs
#endif
const Tiles& best_tiles();  // the best this processor has

}  // namespace stemma::cpu

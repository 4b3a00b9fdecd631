// Small products whose sums are held in registers, of numbers that lie in the caches or come past once.
//
// Each instruction set has its own file, tiles_*.cpp, which names its vectors and its shape of tile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>  // of dots_code.h, which may include nothing

namespace stemma::cpu {

// Rows that are needed next, to be asked for meanwhile: `bytes` of each, `stride` of them apart.
struct NextRows {
  const std::byte* data = nullptr;
  int64_t stride = 0, bytes = 0, rows = 0;
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
  NextRows next;
  bool comes_past = false;  // rows of a come from memory, and are asked for before they are read
  bool squares = false;     // c += the square of each number of a b
};

// dots (rows, others) += a b^T: few rows, and few others, that are long: `pieces` of `length` numbers each. How a sum
// is taken depends on the pieces alone. The others may come from memory: they are asked for before they are met.
struct DotsJob {
  const float* a;
  int64_t a_row, a_piece, rows;  // from row to row, and from piece to piece
  const float* b;
  int64_t b_row, b_piece, others;
  int64_t pieces, length;
  float* dots;
  int64_t dots_row;
  float* room;  // rows x others vectors, of a cache's line's alignment
};

struct Tiles {
  int lanes, rows, most;  // floats of a vector; rows of a tile of `product`, and its most vectors
  void (*dots)(const DotsJob& job);
  void (*product)(const SmallProduct& product);
  // to (columns, rows) = x^T, x (rows, columns); rows of both are their stride apart.
  void (*transpose)(const float* x, int64_t x_stride, int64_t rows, int64_t columns, float* to, int64_t to_stride);
  // `product` of pairs of bf16 in the place of a's and b's floats: c += a0 b0 + a1 b1. Null where there is none.
  void (*product_of_pairs)(const SmallProduct& product) = nullptr;
  // Numbers for it: rounded to bf16, to the nearest, ties to even. `to` may begin where x does.
  void (*round)(const float* x, int64_t count, uint16_t* to) = nullptr;
};

extern const Tiles tiles_plain;
#if defined(__x86_64__)
extern const Tiles tiles_avx2, tiles_avx512;
const Tiles& tiles_bf16();  // tiles_avx512, and pairs
#endif
const Tiles& best_tiles();  // the best this processor has

}  // namespace stemma::cpu

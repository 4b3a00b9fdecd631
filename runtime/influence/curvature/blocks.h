// Matrices of one side of a layer (n wide) in O diagonal blocks, each w = n / O wide (Grosse et al. 2023, appendix A,
// eq. 33): what is stored is (n, w), block after block. With O = 1 they are plain (n, n) matrices.
#pragma once

#include <vector>

#include "kernels/ops.h"

namespace stemma {

// The columns of rows of activations, a block at a time. Scratch that grows; one thread.
class ColumnBlocks {
 public:
  explicit ColumnBlocks(std::shared_ptr<Ops> ops) : ops_(std::move(ops)) {}

  // c += x^T x within each block's columns; x (N,n), c (n,w). Above the diagonal, as Ops::gram.
  void gram(Tensor x, Tensor c);
  // out = x Q^T (into the eigenbasis), or x Q (back); x, out (N,n), q (n,w).
  void turn(Tensor x, Tensor q, bool back, Tensor out);

 private:
  Tensor columns(Tensor x, int64_t blocks, int64_t k);
  void place(int64_t rows, int64_t blocks, int64_t k);

  std::shared_ptr<Ops> ops_;
  Buffer taken_, turned_;
  IdBuffer places_;
};

// out = Q v, or Q^T v: rows of v (n,M), block by block; q (n,w).
void turn_rows(Ops& ops, Tensor q, bool back, Tensor v, Tensor out);

// total += the square of Q v, element by element; q_transposed (n,w): each block of Q transposed, v (n,M), total
// (1,n*M).
void add_turned_squares(Ops& ops, Tensor q_transposed, Tensor v, Tensor total);
std::vector<float> transposed_blocks(const std::vector<float>& q, int64_t n);

// Rows i of the eigenvectors of sums / count, in f64; sums (n,w) above the diagonal of each block. Throws Error.
std::vector<float> eigenvectors_of_blocks(Ops& ops, const std::vector<float>& sums, int64_t n, double count);
std::vector<float> identity_blocks(int64_t n, int64_t width);

}  // namespace stemma

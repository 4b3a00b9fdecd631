#include "runtime/influence/curvature/blocks.h"

#include "runtime/influence/curvature/eigen.h"

namespace stemma {

namespace {

Tensor block_of(Tensor stored, int64_t k) { return stored.slice(k * stored.columns, (k + 1) * stored.columns); }

}  // namespace

// A row of n numbers is O rows of w: block k of every row is every O-th of those.
void ColumnBlocks::place(int64_t rows, int64_t blocks, int64_t k) {
  if (places_.view().rows < rows) places_ = IdBuffer(ops_, rows, 1);
  std::vector<int32_t> ids(static_cast<size_t>(rows));
  for (int64_t n = 0; n < rows; ++n) ids[static_cast<size_t>(n)] = static_cast<int32_t>(n * blocks + k);
  ops_->upload(places_.view().data, ids.data(), ids.size() * sizeof(int32_t));
}

Tensor ColumnBlocks::columns(Tensor x, int64_t blocks, int64_t k) {
  const int64_t width = x.columns / blocks;
  if (taken_.view().size() < x.rows * width) taken_ = Buffer(ops_, 1, x.rows * width);
  const Tensor taken{taken_.view().data, x.rows, width};
  place(x.rows, blocks, k);
  ops_->embed({places_.view().data, x.rows, 1}, Tensor{x.data, x.rows * blocks, width}, taken);
  return taken;
}

void ColumnBlocks::gram(Tensor x, Tensor c) {
  const int64_t blocks = c.rows / c.columns;
  for (int64_t k = 0; k < blocks; ++k) ops_->gram(blocks == 1 ? x : columns(x, blocks, k), block_of(c, k));
}

void ColumnBlocks::turn(Tensor x, Tensor q, bool back, Tensor out) {
  const int64_t blocks = q.rows / q.columns, width = q.columns;
  if (blocks == 1) return ops_->matmul(x, false, q, !back, out);
  if (turned_.view().size() < x.rows * width) turned_ = Buffer(ops_, 1, x.rows * width);
  const Tensor turned{turned_.view().data, x.rows, width};
  ops_->zero(out.data, sizeof(float) * static_cast<size_t>(out.size()));
  for (int64_t k = 0; k < blocks; ++k) {
    ops_->matmul(columns(x, blocks, k), false, block_of(q, k), !back, turned);
    ops_->embed_backward({places_.view().data, x.rows, 1}, turned, {out.data, x.rows * blocks, width});
  }
}

void turn_rows(Ops& ops, Tensor q, bool back, Tensor v, Tensor out) {
  for (int64_t k = 0; k < q.rows / q.columns; ++k) {
    const int64_t begin = k * q.columns, end = begin + q.columns;
    ops.matmul(block_of(q, k), back, v.slice(begin, end), false, out.slice(begin, end));
  }
}

// Q v is the sum over i of row i of Q^T times row i of v, as a gradient is one over tokens.
void add_turned_squares(Ops& ops, Tensor q_transposed, Tensor v, Tensor total) {
  const int64_t width = q_transposed.columns;
  const auto tokens = static_cast<int32_t>(width);
  const Segment all{0, tokens, 0, tokens};
  for (int64_t k = 0; k < q_transposed.rows / width; ++k)
    ops.segment_squares(block_of(q_transposed, k), v.slice(k * width, (k + 1) * width), {&all, 1},
                        {total.data + k * width * v.columns, 1, width * v.columns});
}

std::vector<float> transposed_blocks(const std::vector<float>& q, int64_t n) {
  const auto width = static_cast<int64_t>(q.size()) / n;
  std::vector<float> result(q.size());
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < width; ++j) result[(i / width * width + j) * width + i % width] = q[i * width + j];
  return result;
}

std::vector<float> eigenvectors_of_blocks(Ops& ops, const std::vector<float>& sums, int64_t n, double count) {
  const auto width = static_cast<int64_t>(sums.size()) / n;
  std::vector<float> vectors;
  vectors.reserve(sums.size());
  for (const float* block = sums.data(); block < sums.data() + sums.size(); block += width * width) {
    std::vector<double> matrix(static_cast<size_t>(width * width));
    for (int64_t i = 0; i < width; ++i)
      for (int64_t j = i; j < width; ++j)
        matrix[i * width + j] = matrix[j * width + i] = double(block[i * width + j]) / count;
    const std::vector<float> rows = eigenvectors(ops, std::move(matrix), width);
    vectors.insert(vectors.end(), rows.begin(), rows.end());
  }
  return vectors;
}

std::vector<float> identity_blocks(int64_t n, int64_t width) {
  std::vector<float> rows(static_cast<size_t>(n * width));
  for (int64_t i = 0; i < n; ++i) rows[static_cast<size_t>(i * width + i % width)] = 1;
  return rows;
}

}  // namespace stemma

// The square of threads, its tiles in shared memory, and what a score is: shared by the kernels of attention.
#pragma once

#include <cuda_bf16.h>

#include "kernels/cuda_kernels.cuh"

namespace stemma::cuda {
namespace {

constexpr int side = 16, tile_threads = side * side;
constexpr int few_queries = 16;  // below, as when tokens are generated one by one, a block takes one query

bool on_tensor_cores(const Heads& heads, int64_t queries) { return heads.rounded && queries >= few_queries; }

// Rows of shared tiles are a multiple of four, for vector loads, but not of 32: different rows lie in different banks.
template <int width>
constexpr int pitch = width + 4;

struct Square {
  int x = threadIdx.x % side, y = threadIdx.x / side;
};

// `count` rows of one head, zeros below them and right of the head; in steps of bf16 where they are rounded.
template <int width, int rows>
__device__ void load_tile(float* tile, const float* source, int64_t stride, int count, int head_width,
                          bool rounded = false) {
  for (int i = threadIdx.x; i < rows * width; i += tile_threads) {
    const int r = i / width, c = i % width;
    const float value = r < count && c < head_width ? source[r * stride + c] : 0;
    tile[r * pitch<width> + c] = rounded ? static_cast<float>(static_cast<__nv_bfloat16>(value)) : value;
  }
}

__device__ float4 four(const float* from) { return *reinterpret_cast<const float4*>(from); }

// sums[i][j] = own row (y + 16 i) . other row (x + 16 j)
template <int width, int own, int other>
__device__ void multiply_tiles(const float* own_tile, const float* other_tile, int head_width,
                               float (&sums)[own][other]) {
  const Square at;
  for (int i = 0; i < own; ++i)
    for (int j = 0; j < other; ++j) sums[i][j] = 0;
  for (int c = 0; c < head_width; c += 4) {
    float4 a[own], b[other];
#pragma unroll
    for (int i = 0; i < own; ++i) a[i] = four(own_tile + (at.y + side * i) * pitch<width> + c);
#pragma unroll
    for (int j = 0; j < other; ++j) b[j] = four(other_tile + (at.x + side * j) * pitch<width> + c);
#pragma unroll
    for (int i = 0; i < own; ++i)
#pragma unroll
      for (int j = 0; j < other; ++j) {
        sums[i][j] = fmaf(a[i].x, b[j].x, sums[i][j]);
        sums[i][j] = fmaf(a[i].y, b[j].y, sums[i][j]);
        sums[i][j] = fmaf(a[i].z, b[j].z, sums[i][j]);
        sums[i][j] = fmaf(a[i].w, b[j].w, sums[i][j]);
      }
  }
}

struct Inputs {
  Tensor q, k, v;
  SegmentList segments;
  Heads heads;
  float scale;

  __device__ int64_t query_offset(int64_t row, int head) const { return row * q.columns + head * heads.width; }
  __device__ int64_t key_offset(int64_t row, int group) const { return row * k.columns + group * heads.width; }
  __device__ int group_of(int head) const { return head / (heads.query / heads.key_value); }
  __device__ float scored(float product) const {
    const float score = product * scale;
    return heads.cap > 0 ? heads.cap * tanhf(score / heads.cap) : score;
  }
  // Whether the query that sees keys up to `last` sees this one.
  __device__ bool sees(int last, int key) const {
    return key <= last && (heads.window == 0 || key > last - heads.window);
  }
  // The first key that the query which sees keys up to `last` sees.
  __device__ int first_seen(int last) const { return heads.window ? max(0, last + 1 - heads.window) : 0; }
};

// Inside a segment, query i sees keys 0 .. past + i.
struct Block {
  Segment segment;
  int queries, keys, past;

  __device__ explicit Block(const Segment& s)
      : segment(s), queries(s.query_end - s.query_begin), keys(s.key_end - s.key_begin), past(keys - queries) {}
};

Inputs inputs(Tensor q, Tensor k, Tensor v, SegmentList segments, Heads heads) {
  if (heads.width > 256)
    throw std::runtime_error("attention on CUDA takes heads of up to 256 columns; these have " +
                             std::to_string(heads.width) + ", run the model on the CPU");
  const float scale = heads.scale != 0 ? heads.scale : 1 / std::sqrt(static_cast<float>(heads.width));
  return {q, k, v, segments, heads, scale};
}

}  // namespace
}  // namespace stemma::cuda

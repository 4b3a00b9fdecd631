// Tiles of f32 in shared memory. A block's 256 threads form a square: the 16 threads of a row of the square own rows
// `y + 16 i` of the tile and share out the other side's rows and the columns.
#pragma once

#include <cuda_bf16.h>

#include "kernels/attention/inputs.cuh"

namespace stemma::cuda {
namespace {

constexpr int side = 16, tile_threads = side * side;

// Rows of shared tiles are a multiple of four, for vector loads, but not of 32: different rows lie in different banks.
template <int width>
constexpr int pitch = width + 4;

struct Square {
  int x = threadIdx.x % side, y = threadIdx.x / side;
};

// `count` rows of one head, zeros below them and right of the head; in steps of bf16 where they are rounded.
template <int width, int rows, class Source>
__device__ void load_tile(float* tile, Source source, int64_t stride, int count, int head_width, bool rounded = false) {
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

__device__ float4 scaled(float4 x, float by) { return {x.x * by, x.y * by, x.z * by, x.w * by}; }
__device__ void add_scaled(float4& sum, float scale, float4 x) {
  sum.x = fmaf(scale, x.x, sum.x);
  sum.y = fmaf(scale, x.y, sum.y);
  sum.z = fmaf(scale, x.z, sum.z);
  sum.w = fmaf(scale, x.w, sum.w);
}

// out[i][g] += weights (own row, every other row) * other rows, in columns 4 x + 64 g .. + 3.
template <int width, int own, int other>
__device__ void add_weighted(const float* weights, const float* other_tile, float4 (&out)[own][width / 64]) {
  const Square at;
  for (int j = 0; j < other * side; j += 4) {
    float4 w[own];
#pragma unroll
    for (int i = 0; i < own; ++i) w[i] = four(weights + (at.y + side * i) * pitch<other * side> + j);
#pragma unroll
    for (int g = 0; g < width / 64; ++g) {
      const float* row = other_tile + j * pitch<width> + at.x * 4 + g * 64;
      const float4 r0 = four(row), r1 = four(row + pitch<width>), r2 = four(row + 2 * pitch<width>),
                   r3 = four(row + 3 * pitch<width>);
#pragma unroll
      for (int i = 0; i < own; ++i) {
        add_scaled(out[i][g], w[i].x, r0);
        add_scaled(out[i][g], w[i].y, r1);
        add_scaled(out[i][g], w[i].z, r2);
        add_scaled(out[i][g], w[i].w, r3);
      }
    }
  }
}

// The weights of a row are written and read by the same half warp, so the warp is all that has to wait.
template <int own, int other>
__device__ void store_weights(float* weights, const float (&values)[own][other]) {
  const Square at;
  __syncwarp();
  for (int i = 0; i < own; ++i)
    for (int j = 0; j < other; ++j) weights[(at.y + side * i) * pitch<other * side> + at.x + side * j] = values[i][j];
  __syncwarp();
}

template <int width, int own>
__device__ void store_tile(float* to, int64_t stride, int count, int head_width,
                           const float4 (&rows)[own][width / 64]) {
  const Square at;
  for (int i = 0; i < own; ++i) {
    const int row = at.y + side * i;
    if (row >= count) continue;
    for (int g = 0; g < width / 64; ++g) {
      const int c = at.x * 4 + g * 64;
      float* place = to + row * stride + c;
      if (c < head_width) place[0] = rows[i][g].x;
      if (c + 1 < head_width) place[1] = rows[i][g].y;
      if (c + 2 < head_width) place[2] = rows[i][g].z;
      if (c + 3 < head_width) place[3] = rows[i][g].w;
    }
  }
}

}  // namespace
}  // namespace stemma::cuda

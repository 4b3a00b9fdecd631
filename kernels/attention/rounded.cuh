// Tiles of bf16 in shared memory, and how a warp multiplies its 16 rows of one with all rows of another on tensor
// cores; sums are f32 and stay in registers, laid out as tensor_cores.cuh says.
#pragma once

#include "kernels/attention/inputs.cuh"
#include "kernels/tensor_cores.cuh"

namespace stemma::cuda {
namespace {

// Rows lie on 16 bytes, and eight of them in different banks.
template <int width>
constexpr int rounded_pitch = width + 8;

// `count` rows of one head, zeros below them and right of the head.
template <int width, int rows, class Source>
__device__ void load_rounded(__nv_bfloat16* tile, Source source, int64_t stride, int count, int head_width) {
  for (int i = threadIdx.x; i < rows * width / 2; i += blockDim.x) {
    const int r = i / (width / 2), c = i % (width / 2) * 2;
    const Source from = source + (r * stride + c);
    const float first = r < count && c < head_width ? from[0] : 0,
                second = r < count && c + 1 < head_width ? from[1] : 0;
    *reinterpret_cast<uint32_t*>(tile + r * rounded_pitch<width> + c) = pair_of(first, second);
  }
}

// The lane's element e of each of `sums` is in the warp's row row_of_element(e), column 8 n + column_of_element(e).
__device__ int row_of_element(int e) { return static_cast<int>(threadIdx.x) % 32 / 4 + e / 2 * 8; }
__device__ int column_of_element(int e) { return static_cast<int>(threadIdx.x) % 4 * 2 + e % 2; }

// sums (16 x others) += the warp's rows, from `own` on, times those of `other`, over the columns of a head.
template <int width, int others>
__device__ void multiply_rounded(const __nv_bfloat16* own, const __nv_bfloat16* other, int head_width,
                                 float (&sums)[others / 8][4]) {
  constexpr int pitch = rounded_pitch<width>;
  const int lane = threadIdx.x % 32;
  for (int c = 0; c < head_width; c += 16) {
    uint32_t a[4], b[4];
    load_matrices(a, own + lane % 16 * pitch + c + lane / 16 * 8);
#pragma unroll
    for (int j = 0; j < others; j += 16) {
      load_matrices(b, other + (j + lane % 8 + lane / 16 * 8) * pitch + c + lane / 8 % 2 * 8);
      add_product(sums[j / 8], a, b[0], b[1]);
      add_product(sums[j / 8 + 1], a, b[2], b[3]);
    }
  }
}

// out (16 x columns) += weights (16 x others), rounded, times the rows of `other`, whose columns begin there.
template <int width, int columns, int others>
__device__ void add_weighted_rounded(const float (&weights)[others / 8][4], const __nv_bfloat16* other,
                                     float (&out)[columns / 8][4]) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int j = 0; j < others; j += 16) {
    const auto& left = weights[j / 8];
    const auto& right = weights[j / 8 + 1];
    const uint32_t a[4] = {pair_of(left[0], left[1]), pair_of(left[2], left[3]), pair_of(right[0], right[1]),
                           pair_of(right[2], right[3])};
#pragma unroll
    for (int n = 0; n < columns; n += 16) {
      uint32_t b[4];
      load_transposed(b, other + (j + lane % 16) * rounded_pitch<width> + n + lane / 16 * 8);
      add_product(out[n / 8], a, b[0], b[1]);
      add_product(out[n / 8 + 1], a, b[2], b[3]);
    }
  }
}

// The warp's rows, as many as `rows`, and as many of their columns as `present`.
template <int columns>
__device__ void store_rounded(float* to, int64_t stride, int rows, int present, const float (&sums)[columns / 8][4]) {
#pragma unroll
  for (int i = 0; i < columns / 2; ++i) {
    const int r = row_of_element(i % 4), c = i / 4 * 8 + column_of_element(i % 4);
    if (r < rows && c < present) to[r * stride + c] = sums[i / 4][i % 4];
  }
}

}  // namespace
}  // namespace stemma::cuda

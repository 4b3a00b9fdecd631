#include "kernels/cuda_kernels.cuh"

namespace stemma::cuda {
namespace {

__global__ void rope_kernel(Tensor x, Ids positions, Tensor table, int head_width, float direction) {
  const int64_t half = table.columns / 2, pairs = x.columns / head_width * half, size = x.rows * pairs;
  for (int64_t i = first_index(); i < size; i += index_stride()) {
    const int64_t n = i / pairs, pair = i % pairs, offset = pair % half;
    const float* angles = row_of(table, positions.data[n]);
    const float cosine = angles[offset], sine = direction * angles[half + offset];
    float* first = row_of(x, n) + pair / half * head_width + offset;
    const float a = first[0], b = first[half];
    first[0] = a * cosine - b * sine;
    first[half] = b * cosine + a * sine;
  }
}

}  // namespace

void rope(Tensor x, Ids positions, Tensor table, int head_width, Rotation rotation, cudaStream_t stream) {
  const int64_t pairs = x.size() / head_width * (table.columns / 2);
  launch("rope", rope_kernel, dim3(element_blocks(pairs)), element_threads, 0, stream, x, positions, table, head_width,
         rotation == Rotation::forward ? 1.f : -1.f);
}

}  // namespace stemma::cuda

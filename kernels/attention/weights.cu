#include "kernels/attention/tiles.cuh"

// A block has one head. Its warps take one key each, in turn, and leave the scores in the row itself: it is softened in
// place. Sums are in one order: the same call gives the same bits.

namespace stemma::cuda {
namespace {

__global__ void __launch_bounds__(tile_threads) weights_kernel(Inputs in, Tensor weights) {
  const int head = blockIdx.x, lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  const int keys = static_cast<int>(in.k.rows), first = in.first_seen(keys - 1), head_width = in.heads.width;
  const float* query = in.q.data + in.query_offset(0, head);
  float* row = row_of(weights, head);
  for (int key = warp; key < keys; key += warps) {
    const Numbers other = in.k.data + in.key_offset(key, in.group_of(head));
    float product = 0;
    if (key >= first)
      for (int d = lane; d < head_width; d += 32) product = fmaf(query[d], other[d], product);
    product = warp_sum(product);
    if (lane == 0) row[key] = key >= first ? in.scored(product) : -INFINITY;
  }
  __syncthreads();
  float most = -INFINITY;
  for (int key = threadIdx.x; key < keys; key += blockDim.x) most = fmaxf(most, row[key]);
  most = block_maximum(most);
  float sum = 0;
  for (int key = threadIdx.x; key < keys; key += blockDim.x) sum += row[key] = expf(row[key] - most);
  sum = block_sum(sum);
  for (int key = threadIdx.x; key < keys; key += blockDim.x) row[key] /= sum;
}

}  // namespace

void attention_weights(Tensor q, const WeightMatrix& k, Heads heads, Tensor weights, cudaStream_t stream) {
  launch("attention_weights", weights_kernel, dim3(static_cast<unsigned>(heads.query)), tile_threads, 0, stream,
         inputs(q, k, {}, {}, heads), weights);
}

}  // namespace stemma::cuda

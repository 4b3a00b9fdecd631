#include "kernels/attention/tiles.cuh"

// A block owns one step's row of one head's means and walks the pairs of tiles of queries and keys, step by step: no
// two blocks add to one number, so the same call gives the same bits.

namespace stemma::cuda {
namespace {

template <int width, int tile>
constexpr size_t means_memory = sizeof(float) * 2 * tile* pitch<width>;

__device__ float block_sum(float value) {
  __shared__ float sums[tile_threads / 32];
  value = warp_sum(value);
  __syncthreads();
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = value;
  __syncthreads();
  float sum = 0;
  for (int w = 0; w < tile_threads / 32; ++w) sum += sums[w];
  return sum;
}

template <int width, int tile>
__global__ void __launch_bounds__(tile_threads)
    means_kernel(Inputs in, bool rounded, Tensor log_sum, Ids bounds, Tensor means) {
  constexpr int own = tile / side;
  float* queries = shared_memory();
  float* keys = queries + tile * pitch<width>;

  const Square at;
  const int step = blockIdx.x, head = blockIdx.y, head_width = in.heads.width;
  const int past = static_cast<int>(in.k.rows - in.q.rows);
  // The step's queries among those given, and the first key that one of them sees.
  const int from = max(0, bounds.data[step] - past),
            end = min(static_cast<int>(in.q.rows), bounds.data[step + 1] - past);
  if (from >= end) return;
  const int lowest = in.first_seen(past + from);
  float* row = means.data + (static_cast<int64_t>(head) * means.columns + step) * means.columns;

  for (int other = 0; other <= step; ++other) {
    const int key_end = min(bounds.data[other + 1], past + end);
    if (key_end <= lowest) continue;
    float sum = 0;
    for (int query = from; query < end; query += tile) {
      const int count = min(tile, end - query);
      __syncthreads();
      load_tile<width, tile>(queries, in.q.data + in.query_offset(query, head), in.q.columns, count, head_width,
                             rounded);
      for (int key = max(bounds.data[other], lowest); key < key_end; key += tile) {
        __syncthreads();
        load_tile<width, tile>(keys, in.k.data + in.key_offset(key, in.group_of(head)), in.k.columns, key_end - key,
                               head_width, rounded);
        __syncthreads();
        float scores[own][own];
        multiply_tiles<width>(queries, keys, head_width, scores);
        for (int i = 0; i < own; ++i)
          for (int j = 0; j < own; ++j) {
            const int r = at.y + side * i, c = at.x + side * j;
            if (r < count && key + c < key_end && in.sees(past + query + r, key + c))
              sum += expf(in.scored(scores[i][j]) - log_sum.data[(query + r) * log_sum.columns + head]);
          }
      }
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) row[other] += sum / (bounds.data[step + 1] - bounds.data[step]);
  }
}

template <int width, int tile>
void run(const Inputs& in, bool rounded, Tensor log_sum, Ids bounds, Tensor means, cudaStream_t stream) {
  launch("attention_means", means_kernel<width, tile>,
         dim3(static_cast<unsigned>(means.columns), static_cast<unsigned>(in.heads.query)), tile_threads,
         means_memory<width, tile>, stream, in, rounded, log_sum, bounds, means);
}

}  // namespace

void attention_means(Tensor q, const WeightMatrix& k, Tensor log_sum, Ids bounds, Heads heads, Tensor means,
                     cudaStream_t stream) {
  const Inputs in = inputs(q, k, {}, {}, heads);
  const auto of_width = heads.width <= 64 ? run<64, 32> : heads.width <= 128 ? run<128, 32> : run<256, 16>;
  of_width(in, on_tensor_cores(heads, q.rows), log_sum, bounds, means, stream);  // as log_sum was made
}

}  // namespace stemma::cuda

#include "kernels/attention/rounded.cuh"

// Attention on tensor cores (FlashAttention-2, Dao 2023, algorithm 1): q, k, v and the weights of a tile are rounded to
// bf16, sums are f32. A block owns a tile of queries, each of its warps 16 of them, and walks the tiles of keys through
// shared memory; scores, weights and sums stay in registers.

namespace stemma::cuda {
namespace {

template <int width, int query_tile, int key_tile>
constexpr size_t rounded_memory = sizeof(__nv_bfloat16) * (query_tile + 2 * key_tile) * rounded_pitch<width>;

template <int width, int warps, int key_tile>
__global__ void __launch_bounds__(warps * 32) rounded_kernel(Inputs in, int tiles, Tensor z, Tensor log_sum) {
  constexpr int query_tile = 16 * warps, pitch = rounded_pitch<width>;
  auto* queries = reinterpret_cast<__nv_bfloat16*>(shared_memory());
  __nv_bfloat16* keys = queries + query_tile * pitch;
  __nv_bfloat16* values = keys + key_tile * pitch;

  const QueryTile tile(in, query_tile, tiles);
  if (tile.count <= 0) return;
  const int head_width = in.heads.width, own = threadIdx.x / 32 * 16;
  load_rounded<width, query_tile>(queries, in.q.data + tile.offset, in.q.columns, tile.count, head_width);
  float maximum[2] = {-INFINITY, -INFINITY}, total[2] = {}, out[width / 8][4] = {};

  for (int key = tile.from; key < tile.until; key += key_tile) {
    const int64_t offset = tile.key_offset(in, key);
    __syncthreads();
    load_rounded<width, key_tile>(keys, in.k.data + offset, in.k.columns, tile.until - key, head_width);
    load_rounded<width, key_tile>(values, in.v.data + offset, in.v.columns, tile.until - key, head_width);
    __syncthreads();
    if (own >= tile.count || key > tile.last_of(own + 15)) continue;  // none of the warp's queries sees the tile

    float scores[key_tile / 8][4] = {};
    multiply_rounded<width, key_tile>(queries + own * pitch, keys, head_width, scores);
#pragma unroll
    for (int half = 0; half < 2; ++half) {  // the lane's upper and lower row, of which four lanes have a part each
      const int last = tile.last_of(own + row_of_element(2 * half));
      float largest = maximum[half], sum = 0;
#pragma unroll
      for (int i = 0; i < key_tile / 4; ++i) {
        float& score = scores[i / 2][2 * half + i % 2];
        score = in.sees(last, key + i / 2 * 8 + column_of_element(i % 2)) ? in.scored(score) : -INFINITY;
        largest = fmaxf(largest, score);
      }
      for (int other = 1; other < 4; other *= 2) largest = fmaxf(largest, __shfl_xor_sync(every_lane, largest, other));
      const float base = largest == -INFINITY ? 0 : largest;  // a row that sees nothing yet
      const float shrink = __expf(maximum[half] - base);
#pragma unroll
      for (int i = 0; i < key_tile / 4; ++i) {
        float& score = scores[i / 2][2 * half + i % 2];
        sum += score = __expf(score - base);
      }
      for (int other = 1; other < 4; other *= 2) sum += __shfl_xor_sync(every_lane, sum, other);
      total[half] = total[half] * shrink + sum;
      maximum[half] = largest;
#pragma unroll
      for (int n = 0; n < width / 8; ++n) out[n][2 * half] *= shrink, out[n][2 * half + 1] *= shrink;
    }
    add_weighted_rounded<width, width, key_tile>(scores, values, out);
  }

#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int r = own + row_of_element(2 * half);
    const float scale = total[half] > 0 ? 1 / total[half] : 0;
    if (r < tile.count && column_of_element(0) == 0)
      row_of(log_sum, tile.row + r)[tile.head] = maximum[half] + logf(total[half]);
#pragma unroll
    for (int n = 0; n < width / 8; ++n) out[n][2 * half] *= scale, out[n][2 * half + 1] *= scale;
  }
  store_rounded<width>(z.data + tile.offset + own * z.columns, z.columns, tile.count - own, head_width, out);
}

template <int width, int warps, int key_tile>
void run(const Inputs& in, Tensor z, Tensor log_sum, cudaStream_t stream) {
  const int tiles = static_cast<int>(divide_up(in.segments.longest_query, 16 * warps));
  launch("attention", rounded_kernel<width, warps, key_tile>, dim3(in.segments.count * tiles, in.heads.query),
         warps * 32, rounded_memory<width, 16 * warps, key_tile>, stream, in, tiles, z, log_sum);
}

}  // namespace

void attention_rounded(Tensor q, const WeightMatrix& k, const WeightMatrix& v, SegmentList segments, Heads heads,
                       Tensor z, Tensor log_sum, cudaStream_t stream) {
  const Inputs in = inputs(q, k, v, segments, heads);
  const auto of_width = heads.width <= 64 ? run<64, 8, 64> : heads.width <= 128 ? run<128, 4, 64> : run<256, 4, 32>;
  of_width(in, z, log_sum, stream);
}

}  // namespace stemma::cuda

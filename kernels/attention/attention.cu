#include "kernels/attention/tiles.cuh"

// Attention never holds a row of all scores. A block owns a tile of queries (or, for the gradients of keys and values,
// a tile of keys) and walks the tiles of the other side through shared memory.

namespace stemma::cuda {
namespace {

template <int width, int query_tile, int key_tile>
constexpr size_t forward_memory = sizeof(float) *
                                  ((query_tile + 2 * key_tile) * pitch<width> + query_tile * pitch<key_tile>);

template <int width, int query_tile, int key_tile>
__global__ void __launch_bounds__(tile_threads) forward_kernel(Inputs in, int tiles, Tensor z, Tensor log_sum) {
  constexpr int own = query_tile / side, other = key_tile / side;
  float* queries = shared_memory();
  float* keys = queries + query_tile * pitch<width>;
  float* values = keys + key_tile * pitch<width>;
  float* weights = values + key_tile * pitch<width>;

  const Square at;
  const QueryTile tile(in, query_tile, tiles);
  if (tile.count <= 0) return;
  const int head_width = in.heads.width;
  load_tile<width, query_tile>(queries, in.q.data + tile.offset, in.q.columns, tile.count, head_width);
  float maximum[own], total[own];
  float4 out[own][width / 64] = {};
  for (int i = 0; i < own; ++i) maximum[i] = -INFINITY, total[i] = 0;

  for (int key = tile.from; key < tile.until; key += key_tile) {
    const int64_t offset = tile.key_offset(in, key);
    __syncthreads();
    load_tile<width, key_tile>(keys, in.k.data + offset, in.k.columns, tile.until - key, head_width);
    load_tile<width, key_tile>(values, in.v.data + offset, in.v.columns, tile.until - key, head_width);
    __syncthreads();
    float scores[own][other];
    multiply_tiles<width>(queries, keys, head_width, scores);
#pragma unroll
    for (int i = 0; i < own; ++i) {
      const int last = tile.last_of(at.y + side * i);
      float largest = maximum[i];
      for (int j = 0; j < other; ++j) {
        scores[i][j] = in.sees(last, key + at.x + side * j) ? in.scored(scores[i][j]) : -INFINITY;
        largest = fmaxf(largest, scores[i][j]);
      }
      for (int lane = side / 2; lane; lane /= 2) largest = fmaxf(largest, __shfl_xor_sync(every_lane, largest, lane));
      const float base = largest == -INFINITY ? 0 : largest;  // a row that sees nothing yet
      const float shrink = expf(maximum[i] - base);
      float sum = 0;
      for (int j = 0; j < other; ++j) sum += scores[i][j] = expf(scores[i][j] - base);
      for (int lane = side / 2; lane; lane /= 2) sum += __shfl_xor_sync(every_lane, sum, lane);
      total[i] = total[i] * shrink + sum;
      maximum[i] = largest;
      for (int g = 0; g < width / 64; ++g) out[i][g] = scaled(out[i][g], shrink);
    }
    store_weights(weights, scores);
    add_weighted<width, own, other>(weights, values, out);
  }

  for (int i = 0; i < own; ++i) {
    const int r = at.y + side * i;
    for (int g = 0; g < width / 64; ++g) out[i][g] = scaled(out[i][g], total[i] > 0 ? 1 / total[i] : 0);
    if (at.x == 0 && r < tile.count) row_of(log_sum, tile.row + r)[tile.head] = maximum[i] + logf(total[i]);
  }
  store_tile<width>(z.data + tile.offset, z.columns, tile.count, head_width, out);
}

template <int width, int query_tile, int key_tile>
void forward(const Inputs& in, Tensor z, Tensor log_sum, cudaStream_t stream) {
  const int tiles = static_cast<int>(divide_up(in.segments.longest_query, query_tile));
  launch("attention", forward_kernel<width, query_tile, key_tile>, dim3(in.segments.count * tiles, in.heads.query),
         tile_threads, forward_memory<width, query_tile, key_tile>, stream, in, tiles, z, log_sum);
}

}  // namespace

void attention(Tensor q, const WeightMatrix& k, const WeightMatrix& v, SegmentList segments, Heads heads, Tensor z,
               Tensor log_sum, cudaStream_t stream) {
  if (on_tensor_cores(heads, segments.longest_query))
    return attention_rounded(q, k, v, segments, heads, z, log_sum, stream);
  if (segments.longest_query < few_queries) return attention_few(q, k, v, segments, heads, z, log_sum, stream);
  const auto run = heads.width <= 64    ? forward<64, 64, 32>
                   : heads.width <= 128 ? forward<128, 64, 32>
                                        : forward<256, 32, 16>;
  run(inputs(q, k, v, segments, heads), z, log_sum, stream);
}

}  // namespace stemma::cuda

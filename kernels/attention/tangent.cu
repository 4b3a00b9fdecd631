#include "kernels/attention/tiles.cuh"

namespace stemma::cuda {
namespace {

struct Tangents {
  Tensor q, k, v;
};

template <int width, int tile_rows>
constexpr size_t tangent_memory = sizeof(float) * (6 * tile_rows * pitch<width> + tile_rows * pitch<tile_rows>);

// With s' of the scores: z' = sum of p s' v and p v', less z times the row's sum of p s'.
template <int width, int tile_rows>
__global__ void __launch_bounds__(tile_threads)
    tangent_kernel(Inputs in, Tangents along, Tensor log_sum, int tiles, Tensor z_tangent) {
  constexpr int own = tile_rows / side;
  float* queries = shared_memory();
  float* moved_queries = queries + tile_rows * pitch<width>;
  float* keys = moved_queries + tile_rows * pitch<width>;
  float* moved_keys = keys + tile_rows * pitch<width>;
  float* values = moved_keys + tile_rows * pitch<width>;
  float* moved_values = values + tile_rows * pitch<width>;
  float* weights = moved_values + tile_rows * pitch<width>;

  const Square at;
  const QueryTile tile(in, tile_rows, tiles);
  if (tile.count <= 0) return;
  const int head_width = in.heads.width;
  load_tile<width, tile_rows>(queries, in.q.data + tile.offset, in.q.columns, tile.count, head_width);
  load_tile<width, tile_rows>(moved_queries, along.q.data + tile.offset, in.q.columns, tile.count, head_width);
  float4 out[own][width / 64] = {}, attended[own][width / 64] = {};
  float sums[own] = {};
  for (int key = tile.from; key < tile.until; key += tile_rows) {
    const int64_t offset = tile.key_offset(in, key);
    __syncthreads();
    load_tile<width, tile_rows>(keys, in.k.data + offset, in.k.columns, tile.until - key, head_width);
    load_tile<width, tile_rows>(moved_keys, along.k.data + offset, in.k.columns, tile.until - key, head_width);
    load_tile<width, tile_rows>(values, in.v.data + offset, in.v.columns, tile.until - key, head_width);
    load_tile<width, tile_rows>(moved_values, along.v.data + offset, in.v.columns, tile.until - key, head_width);
    __syncthreads();
    float scores[own][own], slopes[own][own], of_keys[own][own];
    multiply_tiles<width>(queries, keys, head_width, scores);
    multiply_tiles<width>(moved_queries, keys, head_width, slopes);
    multiply_tiles<width>(queries, moved_keys, head_width, of_keys);
    for (int i = 0; i < own; ++i)
      for (int j = 0; j < own; ++j) {
        const int r = at.y + side * i;
        const bool seen = r < tile.count && in.sees(tile.last_of(r), key + at.x + side * j);
        const float capped = in.scored(scores[i][j]);
        const float p = seen ? expf(capped - row_of(log_sum, tile.row + r)[tile.head]) : 0;
        scores[i][j] = p;
        slopes[i][j] = seen ? p * (slopes[i][j] + of_keys[i][j]) * in.slope(capped) : 0;
        sums[i] += slopes[i][j];
      }
    store_weights(weights, slopes);
    add_weighted<width, own, own>(weights, values, out);
    store_weights(weights, scores);
    add_weighted<width, own, own>(weights, moved_values, out);
    add_weighted<width, own, own>(weights, values, attended);
  }
  for (int i = 0; i < own; ++i) {
    for (int lane = side / 2; lane; lane /= 2) sums[i] += __shfl_xor_sync(every_lane, sums[i], lane);
    for (int g = 0; g < width / 64; ++g) add_scaled(out[i][g], -sums[i], attended[i][g]);
  }
  store_tile<width>(z_tangent.data + tile.offset, z_tangent.columns, tile.count, head_width, out);
}

template <int width, int tile_rows>
void tangent(const Inputs& in, const Tangents& along, Tensor log_sum, Tensor z_tangent, cudaStream_t stream) {
  const int tiles = static_cast<int>(divide_up(in.segments.longest_query, tile_rows));
  launch("attention_tangent", tangent_kernel<width, tile_rows>, dim3(in.segments.count * tiles, in.heads.query),
         tile_threads, tangent_memory<width, tile_rows>, stream, in, along, log_sum, tiles, z_tangent);
}

}  // namespace

void attention_tangent(Tensor q, Tensor k, Tensor v, Tensor log_sum, Tensor q_tangent, Tensor k_tangent,
                       Tensor v_tangent, SegmentList segments, Heads heads, Tensor z_tangent, cudaStream_t stream) {
  const auto run = heads.width <= 64 ? tangent<64, 32> : heads.width <= 128 ? tangent<128, 32> : tangent<256, 16>;
  run(inputs(q, k, v, segments, heads), {q_tangent, k_tangent, v_tangent}, log_sum, z_tangent, stream);
}

}  // namespace stemma::cuda

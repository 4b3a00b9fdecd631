#include "kernels/attention/tiles.cuh"

namespace stemma::cuda {
namespace {

// A warp to each number of delta. Of z's gradient as it is multiplied, so that the gradients of a row's scores sum to
// 0.
__global__ void delta_kernel(Tensor z, Gradients gradients, int head_width, bool rounded) {
  const int64_t i = first_index() / 32;
  if (i >= size_of(gradients.delta)) return;
  float sum = 0;
  for (int c = threadIdx.x % 32; c < head_width; c += 32) {
    const float above = gradients.z_gradient.data[i * head_width + c];
    sum += z.data[i * head_width + c] * (rounded ? static_cast<float>(static_cast<__nv_bfloat16>(above)) : above);
  }
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) gradients.delta.data[i] = sum;
}

template <int width, int tile_rows>
constexpr size_t backward_memory = sizeof(float) * (4 * tile_rows * pitch<width> + tile_rows * pitch<tile_rows>);

template <int width, int tile_rows>
__global__ void __launch_bounds__(tile_threads)
    query_gradient_kernel(Inputs in, Gradients gradients, int tiles, Tensor q_gradient) {
  constexpr int own = tile_rows / side;
  float* queries = shared_memory();
  float* above = queries + tile_rows * pitch<width>;
  float* keys = above + tile_rows * pitch<width>;
  float* values = keys + tile_rows * pitch<width>;
  float* weights = values + tile_rows * pitch<width>;

  const Square at;
  const QueryTile tile(in, tile_rows, tiles);
  if (tile.count <= 0) return;
  const int head_width = in.heads.width;
  load_tile<width, tile_rows>(queries, in.q.data + tile.offset, in.q.columns, tile.count, head_width);
  load_tile<width, tile_rows>(above, gradients.z_gradient.data + tile.offset, in.q.columns, tile.count, head_width);
  float4 out[own][width / 64] = {};
  for (int key = tile.from; key < tile.until; key += tile_rows) {
    const int64_t offset = tile.key_offset(in, key);
    __syncthreads();
    load_tile<width, tile_rows>(keys, in.k.data + offset, in.k.columns, tile.until - key, head_width);
    load_tile<width, tile_rows>(values, in.v.data + offset, in.v.columns, tile.until - key, head_width);
    __syncthreads();
    float scores[own][own], products[own][own];
    multiply_tiles<width>(queries, keys, head_width, scores);
    multiply_tiles<width>(above, values, head_width, products);
    for (int i = 0; i < own; ++i)
      for (int j = 0; j < own; ++j) {
        const int r = at.y + side * i;
        const int64_t place = (tile.row + r) * in.heads.query + tile.head;
        const bool seen = r < tile.count && in.sees(tile.last_of(r), key + at.x + side * j);
        score_gradient(in, seen ? gradients.log_sum.data[place] : 0, seen ? gradients.delta.data[place] : 0, seen,
                       scores[i][j], products[i][j]);
      }
    store_weights(weights, products);
    add_weighted<width, own, own>(weights, keys, out);
  }
  store_tile<width>(q_gradient.data + tile.offset, q_gradient.columns, tile.count, head_width, out);
}

template <int width, int tile_rows>
__global__ void __launch_bounds__(tile_threads)
    key_gradient_kernel(Inputs in, Gradients gradients, int tiles, Tensor k_gradient, Tensor v_gradient) {
  constexpr int own = tile_rows / side;
  float* keys = shared_memory();
  float* values = keys + tile_rows * pitch<width>;
  float* queries = values + tile_rows * pitch<width>;
  float* above = queries + tile_rows * pitch<width>;
  float* weights = above + tile_rows * pitch<width>;

  const Square at;
  const KeyTile tile(in, tile_rows, tiles);
  if (tile.count <= 0) return;
  const int head_width = in.heads.width, past = tile.block.past;
  load_tile<width, tile_rows>(keys, in.k.data + tile.offset, in.k.columns, tile.count, head_width);
  load_tile<width, tile_rows>(values, in.v.data + tile.offset, in.v.columns, tile.count, head_width);
  float4 key_sum[own][width / 64] = {}, value_sum[own][width / 64] = {};
  for (int head = tile.group * tile.shared; head < (tile.group + 1) * tile.shared; ++head)
    for (int query = tile.from; query < tile.until; query += tile_rows) {
      const int64_t row = tile.block.segment.query_begin + query, offset = in.query_offset(row, head);
      const int present = tile.block.queries - query;
      __syncthreads();
      load_tile<width, tile_rows>(queries, in.q.data + offset, in.q.columns, present, head_width);
      load_tile<width, tile_rows>(above, gradients.z_gradient.data + offset, in.q.columns, present, head_width);
      __syncthreads();
      float scores[own][own], products[own][own];
      multiply_tiles<width>(keys, queries, head_width, scores);
      multiply_tiles<width>(values, above, head_width, products);
      for (int i = 0; i < own; ++i)
        for (int j = 0; j < own; ++j) {
          const int r = at.y + side * i, c = at.x + side * j;
          const int64_t place = (row + c) * in.heads.query + head;
          const bool seen = r < tile.count && c < present && in.sees(past + query + c, tile.first + r);
          score_gradient(in, seen ? gradients.log_sum.data[place] : 0, seen ? gradients.delta.data[place] : 0, seen,
                         scores[i][j], products[i][j]);
        }
      store_weights(weights, scores);
      add_weighted<width, own, own>(weights, above, value_sum);
      store_weights(weights, products);
      add_weighted<width, own, own>(weights, queries, key_sum);
    }
  store_tile<width>(k_gradient.data + tile.offset, k_gradient.columns, tile.count, head_width, key_sum);
  store_tile<width>(v_gradient.data + tile.offset, v_gradient.columns, tile.count, head_width, value_sum);
}

template <int width, int tile_rows>
void backward(const Inputs& in, const Gradients& gradients, Tensor q_gradient, Tensor k_gradient, Tensor v_gradient,
              cudaStream_t stream) {
  const int query_tiles = static_cast<int>(divide_up(in.segments.longest_query, tile_rows));
  const int key_tiles = static_cast<int>(divide_up(in.segments.longest_key, tile_rows));
  constexpr size_t memory = backward_memory<width, tile_rows>;
  launch("attention_backward", query_gradient_kernel<width, tile_rows>,
         dim3(in.segments.count * query_tiles, in.heads.query), tile_threads, memory, stream, in, gradients,
         query_tiles, q_gradient);
  launch("attention_backward", key_gradient_kernel<width, tile_rows>,
         dim3(in.segments.count * key_tiles, in.heads.key_value), tile_threads, memory, stream, in, gradients,
         key_tiles, k_gradient, v_gradient);
}

}  // namespace

void attention_backward(Tensor q, Tensor k, Tensor v, Tensor z, Tensor log_sum, Tensor z_gradient, SegmentList segments,
                        Heads heads, Tensor q_gradient, Tensor k_gradient, Tensor v_gradient, float* delta,
                        cudaStream_t stream) {
  const bool rounded = on_tensor_cores(heads, segments.longest_query);
  const Tensor dots{delta, q.rows, heads.query};
  const Gradients gradients{log_sum, z_gradient, dots};
  launch("attention_backward", delta_kernel, dim3(divide_up(dots.size() * 32, 256)), 256, 0, stream, z, gradients,
         heads.width, rounded);
  if (rounded)
    return attention_backward_rounded(q, k, v, log_sum, z_gradient, dots, segments, heads, q_gradient, k_gradient,
                                      v_gradient, stream);
  const auto run = heads.width <= 64 ? backward<64, 32> : heads.width <= 128 ? backward<128, 32> : backward<256, 16>;
  run(inputs(q, k, v, segments, heads), gradients, q_gradient, k_gradient, v_gradient, stream);
}

}  // namespace stemma::cuda

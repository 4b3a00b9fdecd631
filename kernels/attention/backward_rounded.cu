#include "kernels/attention/rounded.cuh"

// Attention's backward on tensor cores (FlashAttention-2, Dao 2023, algorithm 2, but for its atomics): what is
// multiplied is rounded to bf16, sums are f32. Queries' gradients are one kernel and keys' and values' another, which
// compute the scores once more, so that each number has one owner. A warp owns 16 rows, or a part of their columns
// where heads are too wide for its registers.

namespace stemma::cuda {
namespace {

// Two tiles of the block's own rows, two of the other side's, and two numbers to each of those.
template <int width, int rows, int others>
constexpr size_t rounded_backward_memory = sizeof(__nv_bfloat16) * 2 * (rows + others) * rounded_pitch<width> +
                                   sizeof(float) * 2 * others;

template <int width, int warps, int parts, int key_tile>
__global__ void __launch_bounds__(warps * 32)
    query_gradient_kernel(Inputs in, Gradients gradients, int tiles, Tensor q_gradient) {
  constexpr int query_tile = 16 * warps / parts, columns = width / parts, pitch = rounded_pitch<width>;
  auto* queries = reinterpret_cast<__nv_bfloat16*>(shared_memory());
  __nv_bfloat16* above = queries + query_tile * pitch;
  __nv_bfloat16* keys = above + query_tile * pitch;
  __nv_bfloat16* values = keys + key_tile * pitch;

  const QueryTile tile(in, query_tile, tiles);
  if (tile.count <= 0) return;
  const int head_width = in.heads.width, warp = threadIdx.x / 32, own = warp / parts * 16;
  const int column = warp % parts * columns;  // of the part that is the warp's
  load_rounded<width, query_tile>(queries, in.q.data + tile.offset, in.q.columns, tile.count, head_width);
  load_rounded<width, query_tile>(above, gradients.z_gradient.data + tile.offset, in.q.columns, tile.count, head_width);
  float log_sum[2] = {}, delta[2] = {}, out[columns / 8][4] = {};
  for (int half = 0; half < 2; ++half)
    if (const int r = own + row_of_element(2 * half); r < tile.count) {
      log_sum[half] = row_of(gradients.log_sum, tile.row + r)[tile.head];
      delta[half] = row_of(gradients.delta, tile.row + r)[tile.head];
    }

  for (int key = tile.from; key < tile.until; key += key_tile) {
    const int64_t offset = tile.key_offset(in, key);
    __syncthreads();
    load_rounded<width, key_tile>(keys, in.k.data + offset, in.k.columns, tile.until - key, head_width);
    load_rounded<width, key_tile>(values, in.v.data + offset, in.v.columns, tile.until - key, head_width);
    __syncthreads();
    if (own >= tile.count || key > tile.last_of(own + 15)) continue;  // none of the warp's queries sees the tile
    float scores[key_tile / 8][4] = {}, products[key_tile / 8][4] = {};
    multiply_rounded<width, key_tile>(queries + own * pitch, keys, head_width, scores);
    multiply_rounded<width, key_tile>(above + own * pitch, values, head_width, products);
#pragma unroll
    for (int i = 0; i < key_tile / 2; ++i) {
      const int e = i % 4, r = own + row_of_element(e);
      const bool seen = r < tile.count && in.sees(tile.last_of(r), key + i / 4 * 8 + column_of_element(e));
      score_gradient(in, log_sum[e / 2], delta[e / 2], seen, scores[i / 4][e], products[i / 4][e]);
    }
    add_weighted_rounded<width, columns, key_tile>(products, keys + column, out);
  }
  store_rounded<columns>(q_gradient.data + tile.offset + own * q_gradient.columns + column, q_gradient.columns,
                         tile.count - own, head_width - column, out);
}

template <int width, int warps, int parts, int query_tile>
__global__ void __launch_bounds__(warps * 32)
    key_gradient_kernel(Inputs in, Gradients gradients, int tiles, Tensor k_gradient, Tensor v_gradient) {
  constexpr int key_tile = 16 * warps / parts, columns = width / parts, pitch = rounded_pitch<width>;
  auto* keys = reinterpret_cast<__nv_bfloat16*>(shared_memory());
  __nv_bfloat16* values = keys + key_tile * pitch;
  __nv_bfloat16* queries = values + key_tile * pitch;
  __nv_bfloat16* above = queries + query_tile * pitch;
  auto* log_sums = reinterpret_cast<float*>(above + query_tile * pitch);
  float* deltas = log_sums + query_tile;

  const KeyTile tile(in, key_tile, tiles);
  if (tile.count <= 0) return;
  const int head_width = in.heads.width, past = tile.block.past, warp = threadIdx.x / 32, own = warp / parts * 16;
  const int column = warp % parts * columns;
  load_rounded<width, key_tile>(keys, in.k.data + tile.offset, in.k.columns, tile.count, head_width);
  load_rounded<width, key_tile>(values, in.v.data + tile.offset, in.v.columns, tile.count, head_width);
  float key_sum[columns / 8][4] = {}, value_sum[columns / 8][4] = {};
  for (int head = tile.group * tile.shared; head < (tile.group + 1) * tile.shared; ++head)
    for (int query = tile.from; query < tile.until; query += query_tile) {
      const int64_t row = tile.block.segment.query_begin + query, offset = in.query_offset(row, head);
      const int present = tile.block.queries - query;
      __syncthreads();
      load_rounded<width, query_tile>(queries, in.q.data + offset, in.q.columns, present, head_width);
      load_rounded<width, query_tile>(above, gradients.z_gradient.data + offset, in.q.columns, present, head_width);
      for (int c = threadIdx.x; c < query_tile; c += blockDim.x) {
        log_sums[c] = c < present ? row_of(gradients.log_sum, row + c)[head] : 0;
        deltas[c] = c < present ? row_of(gradients.delta, row + c)[head] : 0;
      }
      __syncthreads();
      if (own >= tile.count || tile.first + own > past + query + query_tile - 1) continue;  // no query sees the warp's
      float scores[query_tile / 8][4] = {}, products[query_tile / 8][4] = {};
      multiply_rounded<width, query_tile>(keys + own * pitch, queries, head_width, scores);
      multiply_rounded<width, query_tile>(values + own * pitch, above, head_width, products);
#pragma unroll
      for (int i = 0; i < query_tile / 2; ++i) {
        const int e = i % 4, r = own + row_of_element(e), c = i / 4 * 8 + column_of_element(e);
        const bool seen = r < tile.count && c < present && in.sees(past + query + c, tile.first + r);
        score_gradient(in, log_sums[c], deltas[c], seen, scores[i / 4][e], products[i / 4][e]);
      }
      add_weighted_rounded<width, columns, query_tile>(scores, above + column, value_sum);
      add_weighted_rounded<width, columns, query_tile>(products, queries + column, key_sum);
    }
  const int64_t to = tile.offset + own * k_gradient.columns + column;
  store_rounded<columns>(k_gradient.data + to, k_gradient.columns, tile.count - own, head_width - column, key_sum);
  store_rounded<columns>(v_gradient.data + to, v_gradient.columns, tile.count - own, head_width - column, value_sum);
}

template <int width, int warps, int parts, int others>
void run(const Inputs& in, const Gradients& gradients, Tensor q_gradient, Tensor k_gradient, Tensor v_gradient,
         cudaStream_t stream) {
  constexpr int rows = 16 * warps / parts, threads = 32 * warps;
  constexpr size_t memory = rounded_backward_memory<width, rows, others>;
  const int query_tiles = static_cast<int>(divide_up(in.segments.longest_query, rows));
  const int key_tiles = static_cast<int>(divide_up(in.segments.longest_key, rows));
  launch("attention_backward", query_gradient_kernel<width, warps, parts, others>,
         dim3(in.segments.count * query_tiles, in.heads.query), threads, memory, stream, in, gradients, query_tiles,
         q_gradient);
  launch("attention_backward", key_gradient_kernel<width, warps, parts, others>,
         dim3(in.segments.count * key_tiles, in.heads.key_value), threads, memory, stream, in, gradients, key_tiles,
         k_gradient, v_gradient);
}

}  // namespace

void attention_backward_rounded(Tensor q, Tensor k, Tensor v, Tensor log_sum, Tensor z_gradient, Tensor delta,
                                SegmentList segments, Heads heads, Tensor q_gradient, Tensor k_gradient,
                                Tensor v_gradient, cudaStream_t stream) {
  const auto of_width = heads.width <= 64    ? run<64, 4, 1, 64>
                        : heads.width <= 128 ? run<128, 4, 1, 32>
                                             : run<256, 4, 2, 32>;
  of_width(inputs(q, k, v, segments, heads), {log_sum, z_gradient, delta}, q_gradient, k_gradient, v_gradient, stream);
}

}  // namespace stemma::cuda

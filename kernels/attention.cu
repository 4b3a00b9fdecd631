#include "kernels/attention_tiles.cuh"

// Attention never holds a row of all scores. A block owns a tile of queries (or, for the gradients of keys and values,
// a tile of keys) and walks the tiles of the other side through shared memory. Its 256 threads form a square: the 16
// threads of a row of the square own rows `y + 16 i` of the tile and share out the other side's rows and the columns.

namespace stemma::cuda {
namespace {

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
__device__ void store_tile(float* to, int64_t stride, int count, int head_width, const float4 (&rows)[own][width / 64],
                           const float (&scale)[own]) {
  const Square at;
  for (int i = 0; i < own; ++i) {
    const int row = at.y + side * i;
    if (row >= count) continue;
    for (int g = 0; g < width / 64; ++g) {
      const int c = at.x * 4 + g * 64;
      float* place = to + row * stride + c;
      if (c < head_width) place[0] = rows[i][g].x * scale[i];
      if (c + 1 < head_width) place[1] = rows[i][g].y * scale[i];
      if (c + 2 < head_width) place[2] = rows[i][g].z * scale[i];
      if (c + 3 < head_width) place[3] = rows[i][g].w * scale[i];
    }
  }
}

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
  const Block block(in.segments.data[blockIdx.x / tiles]);
  const int head = blockIdx.y, group = in.group_of(head), head_width = in.heads.width;
  const int first = (tiles - 1 - blockIdx.x % tiles) * query_tile;  // the longest walks start first
  const int count = min(query_tile, block.queries - first);
  if (count <= 0) return;
  const int64_t row = block.segment.query_begin + first;
  const int visible = block.past + first + count;  // keys that the tile's last row sees

  load_tile<width, query_tile>(queries, in.q.data + in.query_offset(row, head), in.q.columns, count, head_width);
  float maximum[own], total[own];
  float4 out[own][width / 64] = {};
  for (int i = 0; i < own; ++i) maximum[i] = -INFINITY, total[i] = 0;

  for (int key = in.first_seen(block.past + first); key < visible; key += key_tile) {
    const int64_t offset = in.key_offset(block.segment.key_begin + key, group);
    __syncthreads();
    load_tile<width, key_tile>(keys, in.k.data + offset, in.k.columns, visible - key, head_width);
    load_tile<width, key_tile>(values, in.v.data + offset, in.v.columns, visible - key, head_width);
    __syncthreads();
    float scores[own][other];
    multiply_tiles<width>(queries, keys, head_width, scores);
#pragma unroll
    for (int i = 0; i < own; ++i) {
      const int last = block.past + first + at.y + side * i;
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
      for (int g = 0; g < width / 64; ++g)
        out[i][g] = {out[i][g].x * shrink, out[i][g].y * shrink, out[i][g].z * shrink, out[i][g].w * shrink};
    }
    store_weights(weights, scores);
    add_weighted<width, own, other>(weights, values, out);
  }

  float scale[own];
  for (int i = 0; i < own; ++i) {
    const int r = at.y + side * i;
    scale[i] = total[i] > 0 ? 1 / total[i] : 0;
    if (at.x == 0 && r < count) row_of(log_sum, row + r)[head] = maximum[i] + logf(total[i]);
  }
  store_tile<width>(z.data + in.query_offset(row, head), z.columns, count, head_width, out, scale);
}

// What the backward has beside the inputs. delta (N, H) is the dot of z and its gradient, a warp to each.
struct Gradients {
  Tensor log_sum, z_gradient, delta;
};

__global__ void delta_kernel(Tensor z, Gradients gradients, int head_width) {
  const int64_t i = first_index() / 32;
  if (i >= size_of(gradients.delta)) return;
  float sum = 0;
  for (int c = threadIdx.x % 32; c < head_width; c += 32)
    sum += z.data[i * head_width + c] * gradients.z_gradient.data[i * head_width + c];
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) gradients.delta.data[i] = sum;
}

// Turns scores into softmax weights, and products of z's gradient with the values into gradients of the scores.
__device__ void score_gradient(const Inputs& in, const Gradients& gradients, int64_t at, bool seen, float& score,
                               float& product) {
  const float capped = in.scored(score), part = in.heads.cap > 0 ? capped / in.heads.cap : 0;
  score = seen ? expf(capped - gradients.log_sum.data[at]) : 0;
  product = seen ? score * (product - gradients.delta.data[at]) * in.scale * (1 - part * part) : 0;
}

template <int width, int tile>
constexpr size_t backward_memory = sizeof(float) * (4 * tile * pitch<width> + tile * pitch<tile>);

template <int width, int tile>
__global__ void __launch_bounds__(tile_threads)
    query_gradient_kernel(Inputs in, Gradients gradients, int tiles, Tensor q_gradient) {
  constexpr int own = tile / side;
  float* queries = shared_memory();
  float* above = queries + tile * pitch<width>;
  float* keys = above + tile * pitch<width>;
  float* values = keys + tile * pitch<width>;
  float* weights = values + tile * pitch<width>;

  const Square at;
  const Block block(in.segments.data[blockIdx.x / tiles]);
  const int head = blockIdx.y, group = in.group_of(head), head_width = in.heads.width;
  const int first = (tiles - 1 - blockIdx.x % tiles) * tile;
  const int count = min(tile, block.queries - first);
  if (count <= 0) return;
  const int64_t row = block.segment.query_begin + first, place = in.query_offset(row, head);
  const int visible = block.past + first + count;

  load_tile<width, tile>(queries, in.q.data + place, in.q.columns, count, head_width);
  load_tile<width, tile>(above, gradients.z_gradient.data + place, in.q.columns, count, head_width);
  float4 out[own][width / 64] = {};
  for (int key = in.first_seen(block.past + first); key < visible; key += tile) {
    const int64_t offset = in.key_offset(block.segment.key_begin + key, group);
    __syncthreads();
    load_tile<width, tile>(keys, in.k.data + offset, in.k.columns, visible - key, head_width);
    load_tile<width, tile>(values, in.v.data + offset, in.v.columns, visible - key, head_width);
    __syncthreads();
    float scores[own][own], products[own][own];
    multiply_tiles<width>(queries, keys, head_width, scores);
    multiply_tiles<width>(above, values, head_width, products);
    for (int i = 0; i < own; ++i)
      for (int j = 0; j < own; ++j) {
        const int r = at.y + side * i;
        const bool seen = r < count && in.sees(block.past + first + r, key + at.x + side * j);
        score_gradient(in, gradients, (row + r) * in.heads.query + head, seen, scores[i][j], products[i][j]);
      }
    store_weights(weights, products);
    add_weighted<width, own, own>(weights, keys, out);
  }
  float scale[own];
  for (int i = 0; i < own; ++i) scale[i] = 1;
  store_tile<width>(q_gradient.data + place, q_gradient.columns, count, head_width, out, scale);
}

// A block owns a tile of keys of one key/value head and walks the queries of all heads that share it.
template <int width, int tile>
__global__ void __launch_bounds__(tile_threads)
    key_gradient_kernel(Inputs in, Gradients gradients, int tiles, Tensor k_gradient, Tensor v_gradient) {
  constexpr int own = tile / side;
  float* keys = shared_memory();
  float* values = keys + tile * pitch<width>;
  float* queries = values + tile * pitch<width>;
  float* above = queries + tile * pitch<width>;
  float* weights = above + tile * pitch<width>;

  const Square at;
  const Block block(in.segments.data[blockIdx.x / tiles]);
  const int group = blockIdx.y, head_width = in.heads.width, shared = in.heads.query / in.heads.key_value;
  const int first = blockIdx.x % tiles * tile;
  const int count = min(tile, block.keys - first);
  if (count <= 0) return;
  const int64_t place = in.key_offset(block.segment.key_begin + first, group);
  const int from = max(0, first - block.past);  // the first query that sees a key of the tile
  const int until = in.heads.window ? min(block.queries, first + count - 1 - block.past + in.heads.window)
                                    : block.queries;  // behind the last one

  load_tile<width, tile>(keys, in.k.data + place, in.k.columns, count, head_width);
  load_tile<width, tile>(values, in.v.data + place, in.v.columns, count, head_width);
  float4 key_sum[own][width / 64] = {}, value_sum[own][width / 64] = {};
  for (int head = group * shared; head < (group + 1) * shared; ++head)
    for (int query = from; query < until; query += tile) {
      const int64_t row = block.segment.query_begin + query, offset = in.query_offset(row, head);
      const int present = block.queries - query;
      __syncthreads();
      load_tile<width, tile>(queries, in.q.data + offset, in.q.columns, present, head_width);
      load_tile<width, tile>(above, gradients.z_gradient.data + offset, in.q.columns, present, head_width);
      __syncthreads();
      float scores[own][own], products[own][own];
      multiply_tiles<width>(keys, queries, head_width, scores);
      multiply_tiles<width>(values, above, head_width, products);
      for (int i = 0; i < own; ++i)
        for (int j = 0; j < own; ++j) {
          const int r = at.y + side * i, c = at.x + side * j;
          const bool seen = r < count && c < present && in.sees(block.past + query + c, first + r);
          score_gradient(in, gradients, (row + c) * in.heads.query + head, seen, scores[i][j], products[i][j]);
        }
      store_weights(weights, scores);
      add_weighted<width, own, own>(weights, above, value_sum);
      store_weights(weights, products);
      add_weighted<width, own, own>(weights, queries, key_sum);
    }
  float scale[own];
  for (int i = 0; i < own; ++i) scale[i] = 1;
  store_tile<width>(k_gradient.data + place, k_gradient.columns, count, head_width, key_sum, scale);
  store_tile<width>(v_gradient.data + place, v_gradient.columns, count, head_width, value_sum, scale);
}

struct Tangents {
  Tensor q, k, v;
};

template <int width, int tile>
constexpr size_t tangent_memory = sizeof(float) * (6 * tile * pitch<width> + tile * pitch<tile>);

// With s' of the scores: z' = sum of p s' v and p v', less z times the row's sum of p s'.
template <int width, int tile>
__global__ void __launch_bounds__(tile_threads)
    tangent_kernel(Inputs in, Tangents along, Tensor log_sum, int tiles, Tensor z_tangent) {
  constexpr int own = tile / side;
  float* queries = shared_memory();
  float* moved_queries = queries + tile * pitch<width>;
  float* keys = moved_queries + tile * pitch<width>;
  float* moved_keys = keys + tile * pitch<width>;
  float* values = moved_keys + tile * pitch<width>;
  float* moved_values = values + tile * pitch<width>;
  float* weights = moved_values + tile * pitch<width>;

  const Square at;
  const Block block(in.segments.data[blockIdx.x / tiles]);
  const int head = blockIdx.y, group = in.group_of(head), head_width = in.heads.width;
  const int first = (tiles - 1 - blockIdx.x % tiles) * tile;
  const int count = min(tile, block.queries - first);
  if (count <= 0) return;
  const int64_t row = block.segment.query_begin + first, place = in.query_offset(row, head);
  const int visible = block.past + first + count;

  load_tile<width, tile>(queries, in.q.data + place, in.q.columns, count, head_width);
  load_tile<width, tile>(moved_queries, along.q.data + place, in.q.columns, count, head_width);
  float4 out[own][width / 64] = {}, attended[own][width / 64] = {};
  float sums[own] = {};
  for (int key = in.first_seen(block.past + first); key < visible; key += tile) {
    const int64_t offset = in.key_offset(block.segment.key_begin + key, group);
    __syncthreads();
    load_tile<width, tile>(keys, in.k.data + offset, in.k.columns, visible - key, head_width);
    load_tile<width, tile>(moved_keys, along.k.data + offset, in.k.columns, visible - key, head_width);
    load_tile<width, tile>(values, in.v.data + offset, in.v.columns, visible - key, head_width);
    load_tile<width, tile>(moved_values, along.v.data + offset, in.v.columns, visible - key, head_width);
    __syncthreads();
    float scores[own][own], slopes[own][own], of_keys[own][own];
    multiply_tiles<width>(queries, keys, head_width, scores);
    multiply_tiles<width>(moved_queries, keys, head_width, slopes);
    multiply_tiles<width>(queries, moved_keys, head_width, of_keys);
    for (int i = 0; i < own; ++i)
      for (int j = 0; j < own; ++j) {
        const int r = at.y + side * i;
        const bool seen = r < count && in.sees(block.past + first + r, key + at.x + side * j);
        const float capped = in.scored(scores[i][j]), part = in.heads.cap > 0 ? capped / in.heads.cap : 0;
        const float p = seen ? expf(capped - row_of(log_sum, row + r)[head]) : 0;
        scores[i][j] = p;
        slopes[i][j] = seen ? p * (slopes[i][j] + of_keys[i][j]) * in.scale * (1 - part * part) : 0;
        sums[i] += slopes[i][j];
      }
    store_weights(weights, slopes);
    add_weighted<width, own, own>(weights, values, out);
    store_weights(weights, scores);
    add_weighted<width, own, own>(weights, moved_values, out);
    add_weighted<width, own, own>(weights, values, attended);
  }
  float scale[own];
  for (int i = 0; i < own; ++i) {
    for (int lane = side / 2; lane; lane /= 2) sums[i] += __shfl_xor_sync(every_lane, sums[i], lane);
    for (int g = 0; g < width / 64; ++g) add_scaled(out[i][g], -sums[i], attended[i][g]);
    scale[i] = 1;
  }
  store_tile<width>(z_tangent.data + place, z_tangent.columns, count, head_width, out, scale);
}

template <int width, int query_tile, int key_tile>
void forward(const Inputs& in, Tensor z, Tensor log_sum, cudaStream_t stream) {
  const int tiles = static_cast<int>(divide_up(in.segments.longest_query, query_tile));
  launch("attention", forward_kernel<width, query_tile, key_tile>, dim3(in.segments.count * tiles, in.heads.query),
         tile_threads, forward_memory<width, query_tile, key_tile>, stream, in, tiles, z, log_sum);
}

template <int width, int tile>
void backward(const Inputs& in, const Gradients& gradients, Tensor q_gradient, Tensor k_gradient, Tensor v_gradient,
              cudaStream_t stream) {
  const int query_tiles = static_cast<int>(divide_up(in.segments.longest_query, tile));
  const int key_tiles = static_cast<int>(divide_up(in.segments.longest_key, tile));
  launch("attention_backward", query_gradient_kernel<width, tile>,
         dim3(in.segments.count * query_tiles, in.heads.query), tile_threads, backward_memory<width, tile>, stream, in,
         gradients, query_tiles, q_gradient);
  launch("attention_backward", key_gradient_kernel<width, tile>,
         dim3(in.segments.count * key_tiles, in.heads.key_value), tile_threads, backward_memory<width, tile>, stream,
         in, gradients, key_tiles, k_gradient, v_gradient);
}

template <int width, int tile>
void tangent(const Inputs& in, const Tangents& along, Tensor log_sum, Tensor z_tangent, cudaStream_t stream) {
  const int tiles = static_cast<int>(divide_up(in.segments.longest_query, tile));
  launch("attention_tangent", tangent_kernel<width, tile>, dim3(in.segments.count * tiles, in.heads.query),
         tile_threads, tangent_memory<width, tile>, stream, in, along, log_sum, tiles, z_tangent);
}

}  // namespace

void attention(Tensor q, Tensor k, Tensor v, SegmentList segments, Heads heads, Tensor z, Tensor log_sum,
               cudaStream_t stream) {
  if (on_tensor_cores(heads, segments.longest_query))
    return attention_rounded(q, k, v, segments, heads, z, log_sum, stream);
  if (segments.longest_query < few_queries) return attention_few(q, k, v, segments, heads, z, log_sum, stream);
  const auto run = heads.width <= 64    ? forward<64, 64, 32>
                   : heads.width <= 128 ? forward<128, 64, 32>
                                        : forward<256, 32, 16>;
  run(inputs(q, k, v, segments, heads), z, log_sum, stream);
}

void attention_backward(Tensor q, Tensor k, Tensor v, Tensor z, Tensor log_sum, Tensor z_gradient, SegmentList segments,
                        Heads heads, Tensor q_gradient, Tensor k_gradient, Tensor v_gradient, float* delta,
                        cudaStream_t stream) {
  const Inputs in = inputs(q, k, v, segments, heads);
  const Gradients gradients{log_sum, z_gradient, {delta, q.rows, heads.query}};
  launch("attention_backward", delta_kernel, dim3(divide_up(gradients.delta.size() * 32, 256)), 256, 0, stream, z,
         gradients, heads.width);
  const auto run = heads.width <= 64 ? backward<64, 32> : heads.width <= 128 ? backward<128, 32> : backward<256, 16>;
  run(in, gradients, q_gradient, k_gradient, v_gradient, stream);
}

void attention_tangent(Tensor q, Tensor k, Tensor v, Tensor log_sum, Tensor q_tangent, Tensor k_tangent,
                       Tensor v_tangent, SegmentList segments, Heads heads, Tensor z_tangent, cudaStream_t stream) {
  const auto run = heads.width <= 64 ? tangent<64, 32> : heads.width <= 128 ? tangent<128, 32> : tangent<256, 16>;
  run(inputs(q, k, v, segments, heads), {q_tangent, k_tangent, v_tangent}, log_sum, z_tangent, stream);
}

}  // namespace stemma::cuda

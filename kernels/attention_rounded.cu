#include "kernels/attention_tiles.cuh"
#include "kernels/tensor_cores.cuh"

// Attention on tensor cores (FlashAttention-2, Dao 2023, algorithm 1): q, k, v and the weights of a tile are rounded to
// bf16, sums are f32. A block owns a tile of queries, each of its warps 16 of them, and walks the tiles of keys through
// shared memory; scores, weights and sums stay in registers, laid out as tensor_cores.cuh says.

namespace stemma::cuda {
namespace {

// Rows lie on 16 bytes, and eight of them in different banks.
template <int width>
constexpr int rounded_pitch = width + 8;

// `count` rows of one head, zeros below them and right of the head.
template <int width, int rows>
__device__ void load_rounded(__nv_bfloat16* tile, const float* source, int64_t stride, int count, int head_width) {
  for (int i = threadIdx.x; i < rows * width / 2; i += blockDim.x) {
    const int r = i / (width / 2), c = i % (width / 2) * 2;
    const float* from = source + r * stride + c;
    const float first = r < count && c < head_width ? from[0] : 0,
                second = r < count && c + 1 < head_width ? from[1] : 0;
    *reinterpret_cast<uint32_t*>(tile + r * rounded_pitch<width> + c) = pair_of(first, second);
  }
}

template <int width, int query_tile, int key_tile>
constexpr size_t rounded_memory = sizeof(__nv_bfloat16) * (query_tile + 2 * key_tile) * rounded_pitch<width>;

template <int width, int warps, int key_tile>
__global__ void __launch_bounds__(warps * 32) rounded_kernel(Inputs in, int tiles, Tensor z, Tensor log_sum) {
  constexpr int query_tile = 16 * warps, pitch = rounded_pitch<width>;
  auto* queries = reinterpret_cast<__nv_bfloat16*>(shared_memory());
  __nv_bfloat16* keys = queries + query_tile * pitch;
  __nv_bfloat16* values = keys + key_tile * pitch;

  const Block block(in.segments.data[blockIdx.x / tiles]);
  const int head = blockIdx.y, group = in.group_of(head), head_width = in.heads.width;
  const int first = (tiles - 1 - blockIdx.x % tiles) * query_tile;  // the longest walks start first
  const int count = min(query_tile, block.queries - first);
  if (count <= 0) return;
  const int64_t row = block.segment.query_begin + first;
  const int visible = block.past + first + count;  // keys that the tile's last row sees
  const int lane = threadIdx.x % 32, own = threadIdx.x / 32 * 16, column = lane % 4 * 2;

  load_rounded<width, query_tile>(queries, in.q.data + in.query_offset(row, head), in.q.columns, count, head_width);
  float maximum[2] = {-INFINITY, -INFINITY}, total[2] = {}, out[width / 8][4] = {};

  for (int key = in.first_seen(block.past + first); key < visible; key += key_tile) {
    const int64_t offset = in.key_offset(block.segment.key_begin + key, group);
    __syncthreads();
    load_rounded<width, key_tile>(keys, in.k.data + offset, in.k.columns, visible - key, head_width);
    load_rounded<width, key_tile>(values, in.v.data + offset, in.v.columns, visible - key, head_width);
    __syncthreads();
    if (own >= count || key > block.past + first + own + 15) continue;  // none of the warp's queries sees the tile

    float scores[key_tile / 8][4] = {};
    for (int c = 0; c < head_width; c += 16) {
      uint32_t a[4], b[4];
      load_matrices(a, queries + (own + lane % 16) * pitch + c + lane / 16 * 8);
#pragma unroll
      for (int j = 0; j < key_tile; j += 16) {
        load_matrices(b, keys + (j + lane % 8 + lane / 16 * 8) * pitch + c + lane / 8 % 2 * 8);
        add_product(scores[j / 8], a, b[0], b[1]);
        add_product(scores[j / 8 + 1], a, b[2], b[3]);
      }
    }

#pragma unroll
    for (int half = 0; half < 2; ++half) {  // the lane's upper and lower row, of which four lanes have a part each
      const int last = block.past + first + own + lane / 4 + 8 * half;
      float largest = maximum[half], sum = 0;
#pragma unroll
      for (int i = 0; i < key_tile / 4; ++i) {
        float& score = scores[i / 2][2 * half + i % 2];
        score = in.sees(last, key + i / 2 * 8 + column + i % 2) ? in.scored(score) : -INFINITY;
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

#pragma unroll
    for (int j = 0; j < key_tile; j += 16) {
      const auto& left = scores[j / 8];
      const auto& right = scores[j / 8 + 1];
      const uint32_t a[4] = {pair_of(left[0], left[1]), pair_of(left[2], left[3]), pair_of(right[0], right[1]),
                             pair_of(right[2], right[3])};
#pragma unroll
      for (int n = 0; n < width; n += 16) {
        uint32_t b[4];
        load_transposed(b, values + (j + lane % 16) * pitch + n + lane / 16 * 8);
        add_product(out[n / 8], a, b[0], b[1]);
        add_product(out[n / 8 + 1], a, b[2], b[3]);
      }
    }
  }

#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int r = own + lane / 4 + 8 * half;
    if (r >= count) continue;
    const float scale = total[half] > 0 ? 1 / total[half] : 0;
    if (column == 0) row_of(log_sum, row + r)[head] = maximum[half] + logf(total[half]);
    float* to = z.data + in.query_offset(row + r, head);
#pragma unroll
    for (int i = 0; i < width / 4; ++i)
      if (const int c = i / 2 * 8 + column + i % 2; c < head_width) to[c] = out[i / 2][2 * half + i % 2] * scale;
  }
}

template <int width, int warps, int key_tile>
void run(const Inputs& in, Tensor z, Tensor log_sum, cudaStream_t stream) {
  const int tiles = static_cast<int>(divide_up(in.segments.longest_query, 16 * warps));
  launch("attention", rounded_kernel<width, warps, key_tile>, dim3(in.segments.count * tiles, in.heads.query),
         warps * 32, rounded_memory<width, 16 * warps, key_tile>, stream, in, tiles, z, log_sum);
}

}  // namespace

void attention_rounded(Tensor q, Tensor k, Tensor v, SegmentList segments, Heads heads, Tensor z, Tensor log_sum,
                       cudaStream_t stream) {
  const Inputs in = inputs(q, k, v, segments, heads);
  const auto of_width = heads.width <= 64 ? run<64, 8, 64> : heads.width <= 128 ? run<128, 4, 64> : run<256, 4, 32>;
  of_width(in, z, log_sum, stream);
}

}  // namespace stemma::cuda

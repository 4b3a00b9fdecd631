#include "kernels/attention_tiles.cuh"

// Few queries, as when tokens are generated one by one: a block to each query and head, its warps share out the keys,
// four at a time. A lane holds columns lane + 32 p.

namespace stemma::cuda {
namespace {

constexpr int step_warps = 8, step_keys = 4;
constexpr int most_texts = 64;  // of one launch: they are its parameters, so that a recording holds them

struct Texts {
  Ops::Text each[most_texts];
};

// z of query `row` over the text's keys up to `visible`. k, v: the text's first key and value of the head's group.
template <int parts>
__device__ void attend(const Inputs& in, int64_t row, int head, const float* k, const float* v, int visible, Tensor z,
                       Tensor log_sum) {
  __shared__ float maxima[step_warps], totals[step_warps], outs[step_warps][parts * 32];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, head_width = in.heads.width;
  const int64_t stride = in.k.columns;
  const float* q = in.q.data + in.query_offset(row, head);

  float held[parts], out[parts] = {}, maximum = -INFINITY, total = 0;
  for (int p = 0; p < parts; ++p) held[p] = lane + 32 * p < head_width ? q[lane + 32 * p] : 0;
  for (int key = in.first_seen(visible - 1) + warp * step_keys; key < visible; key += step_warps * step_keys) {
    float scores[step_keys], largest = maximum;
#pragma unroll
    for (int u = 0; u < step_keys; ++u) {
      float sum = 0;
#pragma unroll
      for (int p = 0; p < parts; ++p)
        if (key + u < visible && lane + 32 * p < head_width) sum += held[p] * k[(key + u) * stride + lane + 32 * p];
      scores[u] = key + u < visible ? in.scored(warp_sum(sum)) : -INFINITY;
      largest = fmaxf(largest, scores[u]);
    }
    const float shrink = expf(maximum - largest);
    maximum = largest;
    total *= shrink;
    for (int p = 0; p < parts; ++p) out[p] *= shrink;
#pragma unroll
    for (int u = 0; u < step_keys; ++u) {
      const float weight = expf(scores[u] - largest);
      total += weight;
#pragma unroll
      for (int p = 0; p < parts; ++p)
        if (key + u < visible && lane + 32 * p < head_width) out[p] += weight * v[(key + u) * stride + lane + 32 * p];
    }
  }
  if (lane == 0) maxima[warp] = maximum, totals[warp] = total;
  for (int p = 0; p < parts; ++p) outs[warp][lane + 32 * p] = out[p];
  __syncthreads();

  float largest = -INFINITY, sum = 0;
  for (int w = 0; w < step_warps; ++w) largest = fmaxf(largest, maxima[w]);
  const float base = largest == -INFINITY ? 0 : largest;
  for (int w = 0; w < step_warps; ++w) sum += totals[w] * expf(maxima[w] - base);
  if (threadIdx.x == 0) row_of(log_sum, row)[head] = largest + logf(sum);
  for (int c = threadIdx.x; c < head_width; c += blockDim.x) {
    float column = 0;
    for (int w = 0; w < step_warps; ++w) column += outs[w][c] * expf(maxima[w] - base);
    z.data[in.query_offset(row, head) + c] = sum > 0 ? column / sum : 0;
  }
}

template <int parts>
__global__ void __launch_bounds__(step_warps * 32) few_kernel(Inputs in, int longest, Tensor z, Tensor log_sum) {
  const Block block(in.segments.data[blockIdx.x / longest]);
  const int head = blockIdx.y, query = blockIdx.x % longest;
  if (query >= block.queries) return;
  const int64_t first = in.key_offset(block.segment.key_begin, in.group_of(head));
  attend<parts>(in, block.segment.query_begin + query, head, in.k.data + first, in.v.data + first,
                block.past + query + 1, z, log_sum);
}

template <int parts>
__global__ void __launch_bounds__(step_warps * 32)
    step_kernel(Inputs in, int64_t first, Texts texts, Ids places, Tensor z, Tensor log_sum) {
  const int64_t row = first + blockIdx.x;
  const int head = blockIdx.y, group = in.group_of(head);
  const Ops::Text& text = texts.each[blockIdx.x];
  attend<parts>(in, row, head, text.k.data + in.key_offset(0, group), text.v.data + in.key_offset(0, group),
                places.data[row] + 1, z, log_sum);
}

__global__ void append_kernel(Inputs in, int64_t first, Texts texts, Ids places) {
  const int64_t row = first + blockIdx.x, to = places.data[row];
  const Ops::Text& text = texts.each[blockIdx.x];
  for (int64_t c = threadIdx.x; c < in.k.columns; c += blockDim.x) {
    row_of(text.k, to)[c] = row_of(in.k, row)[c];
    row_of(text.v, to)[c] = row_of(in.v, row)[c];
  }
}

template <int parts>
void few(const Inputs& in, Tensor z, Tensor log_sum, cudaStream_t stream) {
  const int longest = in.segments.longest_query;
  launch("attention", few_kernel<parts>, dim3(in.segments.count * longest, in.heads.query), step_warps * 32, 0, stream,
         in, longest, z, log_sum);
}

template <int parts>
void step(const Inputs& in, int64_t first, int count, const Texts& texts, Ids places, Tensor z, Tensor log_sum,
          cudaStream_t stream) {
  launch("attention_step", append_kernel, dim3(count), row_threads(in.k.columns), 0, stream, in, first, texts, places);
  launch("attention_step", step_kernel<parts>, dim3(count, in.heads.query), step_warps * 32, 0, stream, in, first,
         texts, places, z, log_sum);
}

}  // namespace

void attention_few(Tensor q, Tensor k, Tensor v, SegmentList segments, Heads heads, Tensor z, Tensor log_sum,
                   cudaStream_t stream) {
  const auto run = heads.width <= 64 ? few<2> : heads.width <= 128 ? few<4> : few<8>;
  run(inputs(q, k, v, segments, heads), z, log_sum, stream);
}

void attention_step(Tensor q, Tensor k, Tensor v, Ids places, std::span<const Ops::Text> texts, Heads heads, Tensor z,
                    Tensor log_sum, cudaStream_t stream) {
  const Inputs in = inputs(q, k, v, {}, heads);
  const auto run = heads.width <= 64 ? step<2> : heads.width <= 128 ? step<4> : step<8>;
  for (size_t first = 0; first < texts.size(); first += most_texts) {
    const auto some = texts.subspan(first, std::min<size_t>(most_texts, texts.size() - first));
    Texts held{};
    std::copy(some.begin(), some.end(), held.each);
    run(in, static_cast<int64_t>(first), static_cast<int>(some.size()), held, places, z, log_sum, stream);
  }
}

}  // namespace stemma::cuda

#include "kernels/attention/inputs.cuh"

// Few queries, as when tokens are generated one by one: a block to each query and head, its warps share out the keys,
// four at a time. A lane holds columns lane + 32 p. In a step, whose keys may be many and its queries one a text, a
// block has only some of the keys, and a second kernel merges what the blocks found ("flash decoding", Dao et al.
// 2023).

namespace stemma::cuda {
namespace {

constexpr int step_warps = 8, step_keys = 4;
constexpr int most_texts = 64;            // of one launch: they are its parameters, so that a recording holds them
constexpr int piece_keys = 256;           // of a text that a block of a step has
constexpr size_t found_bytes = 32 << 20;  // of what the blocks of one launch found, unless one text alone has more

struct Texts {
  struct {
    std::byte *k, *v;
  } each[most_texts];
};

// What a piece of a row's keys gives, in as many numbers: the largest score, the sum of exponents above it, and the
// columns of values weighted by those.
__host__ __device__ constexpr int found_numbers(int head_width) { return 2 + head_width; }

// Pieces that lie `pitch` numbers apart become one. By all threads of a block, each for its own columns.
__device__ void merge(const float* found, int pitch, int pieces, int head_width, float& largest, float& total,
                      float* columns) {
  largest = -INFINITY, total = 0;
  for (int p = 0; p < pieces; ++p) largest = fmaxf(largest, found[p * pitch]);
  const float base = largest == -INFINITY ? 0 : largest;
  for (int p = 0; p < pieces; ++p) total += found[p * pitch + 1] * expf(found[p * pitch] - base);
  for (int c = threadIdx.x; c < head_width; c += blockDim.x) {
    float column = 0;
    for (int p = 0; p < pieces; ++p) column += found[p * pitch + 2 + c] * expf(found[p * pitch] - base);
    columns[c] = column;
  }
}

// z and log_sum of a row, from all pieces of its keys.
__device__ void finish(const Inputs& in, const float* found, int pitch, int pieces, int64_t row, int head, Tensor z,
                       Tensor log_sum) {
  float largest, total, *to = z.data + in.query_offset(row, head);
  merge(found, pitch, pieces, in.heads.width, largest, total, to);
  for (int c = threadIdx.x; c < in.heads.width; c += blockDim.x) to[c] = total > 0 ? to[c] / total : 0;
  if (threadIdx.x == 0) row_of(log_sum, row)[head] = largest + logf(total);
}

template <int parts>
using Found = float[step_warps][found_numbers(parts * 32)];

// What query `row` finds in keys begin .. end - 1, warp by warp. k, v: the text's first key and value of the head's
// group.
template <int parts, class Number>
__device__ void attend(const Inputs& in, int64_t row, int head, const Number* k, const Number* v, int begin, int end,
                       Found<parts>& found) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, head_width = in.heads.width;
  const int64_t stride = in.k.columns;
  const float* q = in.q.data + in.query_offset(row, head);

  float held[parts], out[parts] = {}, maximum = -INFINITY, total = 0;
  for (int p = 0; p < parts; ++p) held[p] = lane + 32 * p < head_width ? q[lane + 32 * p] : 0;
  for (int key = begin + warp * step_keys; key < end; key += step_warps * step_keys) {
    float scores[step_keys], largest = maximum;
#pragma unroll
    for (int u = 0; u < step_keys; ++u) {
      float sum = 0;
#pragma unroll
      for (int p = 0; p < parts; ++p)
        if (key + u < end && lane + 32 * p < head_width)
          sum += held[p] * static_cast<float>(k[(key + u) * stride + lane + 32 * p]);
      scores[u] = key + u < end ? in.scored(warp_sum(sum)) : -INFINITY;
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
        if (key + u < end && lane + 32 * p < head_width)
          out[p] += weight * static_cast<float>(v[(key + u) * stride + lane + 32 * p]);
    }
  }
  if (lane == 0) found[warp][0] = maximum, found[warp][1] = total;
  for (int p = 0; p < parts; ++p) found[warp][2 + lane + 32 * p] = out[p];
  __syncthreads();
}

template <int parts, class Number>
__global__ void __launch_bounds__(step_warps * 32) few_kernel(Inputs in, int longest, Tensor z, Tensor log_sum) {
  __shared__ Found<parts> found;
  const Block block(in.segments.data[blockIdx.x / longest]);
  const int head = blockIdx.y, query = blockIdx.x % longest, last = block.past + query;
  if (query >= block.queries) return;
  const int64_t first = in.key_offset(block.segment.key_begin, in.group_of(head));
  const int64_t row = block.segment.query_begin + query;
  attend<parts>(in, row, head, reinterpret_cast<const Number*>(in.k.data.from) + first,
                reinterpret_cast<const Number*>(in.v.data.from) + first, in.first_seen(last), last + 1, found);
  finish(in, found[0], found_numbers(parts * 32), step_warps, row, head, z, log_sum);
}

// The pieces of a text that its latest token sees: bounds that depend on nothing else, so that its bits do not either.
struct Pieces {
  int from, until;
  __device__ Pieces(const Inputs& in, int last)
      : from(in.first_seen(last) / piece_keys), until(last / piece_keys + 1) {}
};

// `kept` (texts, H, pieces): where there is more than one piece to a text, for merge_kernel.
template <int parts, class Number>
__global__ void __launch_bounds__(step_warps * 32)
    step_kernel(Inputs in, int64_t first, Texts texts, int pieces, Ids places, float* kept, Tensor z, Tensor log_sum) {
  __shared__ Found<parts> found;
  const int text = blockIdx.x / pieces, piece = blockIdx.x % pieces, head = blockIdx.y, group = in.group_of(head);
  const int64_t row = first + text;
  const int last = places.data[row], head_width = in.heads.width;
  if (const Pieces seen(in, last); piece < seen.from || piece >= seen.until) return;
  const int64_t offset = in.key_offset(0, group);
  attend<parts>(in, row, head, reinterpret_cast<const Number*>(texts.each[text].k) + offset,
                reinterpret_cast<const Number*>(texts.each[text].v) + offset,
                max(piece * piece_keys, in.first_seen(last)), min((piece + 1) * piece_keys, last + 1), found);
  if (pieces == 1) return finish(in, found[0], found_numbers(parts * 32), step_warps, row, head, z, log_sum);
  float largest, total;
  float* to =
      kept + ((static_cast<int64_t>(text) * in.heads.query + head) * pieces + piece) * found_numbers(head_width);
  merge(found[0], found_numbers(parts * 32), step_warps, head_width, largest, total, to + 2);
  if (threadIdx.x == 0) to[0] = largest, to[1] = total;
}

__global__ void merge_kernel(Inputs in, int64_t first, int pieces, Ids places, const float* kept, Tensor z,
                             Tensor log_sum) {
  const int64_t row = first + blockIdx.x;
  const int head = blockIdx.y, pitch = found_numbers(in.heads.width);
  const Pieces seen(in, places.data[row]);
  const float* found = kept + ((static_cast<int64_t>(blockIdx.x) * in.heads.query + head) * pieces + seen.from) * pitch;
  finish(in, found, pitch, seen.until - seen.from, row, head, z, log_sum);
}

template <class Number>
__global__ void append_kernel(Inputs in, int64_t first, Texts texts, Ids places) {
  const int64_t row = first + blockIdx.x, to = places.data[row];
  Number* key = reinterpret_cast<Number*>(texts.each[blockIdx.x].k) + to * in.k.columns;
  Number* value = reinterpret_cast<Number*>(texts.each[blockIdx.x].v) + to * in.k.columns;
  for (int64_t c = threadIdx.x; c < in.k.columns; c += blockDim.x) {
    key[c] = static_cast<Number>(in.k.data[row * in.k.columns + c]);
    value[c] = static_cast<Number>(in.v.data[row * in.k.columns + c]);
  }
}

template <int parts, class Number>
void few(const Inputs& in, Tensor z, Tensor log_sum, cudaStream_t stream) {
  const int longest = in.segments.longest_query;
  launch("attention", few_kernel<parts, Number>, dim3(in.segments.count * longest, in.heads.query), step_warps * 32, 0,
         stream, in, longest, z, log_sum);
}

template <int parts, class Number>
void step(const Inputs& in, int64_t first, int count, const Texts& texts, int pieces, Ids places, float* kept, Tensor z,
          Tensor log_sum, cudaStream_t stream) {
  launch("attention_step", append_kernel<Number>, dim3(count), row_threads(in.k.columns), 0, stream, in, first, texts,
         places);
  launch("attention_step", step_kernel<parts, Number>, dim3(count * pieces, in.heads.query), step_warps * 32, 0, stream,
         in, first, texts, pieces, places, kept, z, log_sum);
  if (pieces > 1)
    launch("attention_step", merge_kernel, dim3(count, in.heads.query), row_threads(in.heads.width), 0, stream, in,
           first, pieces, places, kept, z, log_sum);
}

// How the texts of a step are cut: by the room that they have, since nobody here knows how much of it they fill.
struct Cut {
  size_t pieces = 0, text_bytes = 0, at_once = 0;

  Cut(size_t texts, int64_t room, Heads heads) : pieces(divide_up(room, piece_keys)) {
    text_bytes = sizeof(float) * heads.query * pieces * found_numbers(heads.width);
    at_once = std::min(texts, std::clamp<size_t>(found_bytes / std::max<size_t>(1, text_bytes), 1, most_texts));
  }
  size_t bytes() const { return pieces > 1 ? at_once * text_bytes : 0; }
};

Cut cut_of(std::span<const Ops::Text> texts, Heads heads) {
  int64_t room = 0;
  for (const Ops::Text& text : texts) room = std::max(room, text.k.rows);
  return {texts.size(), room, heads};
}

template <class Number>
constexpr auto few_of(int head_width) {
  return head_width <= 64 ? few<2, Number> : head_width <= 128 ? few<4, Number> : few<8, Number>;
}
template <class Number>
constexpr auto step_of(int head_width) {
  return head_width <= 64 ? step<2, Number> : head_width <= 128 ? step<4, Number> : step<8, Number>;
}

}  // namespace

void attention_few(Tensor q, const WeightMatrix& k, const WeightMatrix& v, SegmentList segments, Heads heads, Tensor z,
                   Tensor log_sum, cudaStream_t stream) {
  const auto run = k.type == WeightType::f32    ? few_of<float>(heads.width)
                   : k.type == WeightType::bf16 ? few_of<__nv_bfloat16>(heads.width)
                                                : few_of<__half>(heads.width);
  run(inputs(q, k, v, segments, heads), z, log_sum, stream);
}

size_t attention_step_bytes(int64_t texts, int64_t room, Heads heads) {
  return Cut(static_cast<size_t>(texts), room, heads).bytes();
}
size_t attention_step_bytes(std::span<const Ops::Text> texts, Heads heads) { return cut_of(texts, heads).bytes(); }

void attention_step(Tensor q, Tensor k, Tensor v, Ids places, std::span<const Ops::Text> texts, Heads heads, Tensor z,
                    Tensor log_sum, float* kept, cudaStream_t stream) {
  const Inputs in = inputs(q, k, v, {}, heads);
  const Cut cut = cut_of(texts, heads);
  if (texts.empty()) return;
  const WeightType type = texts.front().k.type;
  const auto run = type == WeightType::f32    ? step_of<float>(heads.width)
                   : type == WeightType::bf16 ? step_of<__nv_bfloat16>(heads.width)
                                              : step_of<__half>(heads.width);
  for (size_t first = 0; first < texts.size(); first += cut.at_once) {
    const auto some = texts.subspan(first, std::min(cut.at_once, texts.size() - first));
    Texts held{};
    for (size_t i = 0; i < some.size(); ++i) held.each[i] = {some[i].k.data, some[i].v.data};
    run(in, static_cast<int64_t>(first), static_cast<int>(some.size()), held, static_cast<int>(cut.pieces), places,
        kept, z, log_sum, stream);
  }
}

}  // namespace stemma::cuda

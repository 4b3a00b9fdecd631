// What attention reads, what a score is, and which rows a block of threads owns: shared by the kernels of attention.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "kernels/cuda_kernels.cuh"

namespace stemma::cuda {
namespace {

constexpr int few_queries = 16;  // below, as when tokens are generated one by one, a block takes one query

bool on_tensor_cores(const Heads& heads, int64_t queries) { return heads.rounded && queries >= few_queries; }

// Keys or values as they lie, as f32.
struct Numbers {
  const std::byte* from;
  WeightType type;

  __device__ Numbers operator+(int64_t i) const { return {from + i * (type == WeightType::f32 ? 4 : 2), type}; }
  __device__ float operator[](int64_t i) const {
    if (type == WeightType::f32) return reinterpret_cast<const float*>(from)[i];
    if (type == WeightType::bf16) return static_cast<float>(reinterpret_cast<const __nv_bfloat16*>(from)[i]);
    return static_cast<float>(reinterpret_cast<const __half*>(from)[i]);
  }
};

struct Kept {
  Numbers data;
  int64_t rows, columns;
};

struct Inputs {
  Tensor q;
  Kept k, v;
  SegmentList segments;
  Heads heads;
  float scale;

  __device__ int64_t query_offset(int64_t row, int head) const { return row * q.columns + head * heads.width; }
  __device__ int64_t key_offset(int64_t row, int group) const { return row * k.columns + group * heads.width; }
  __device__ int group_of(int head) const { return head / (heads.query / heads.key_value); }
  __device__ float scored(float product) const {
    const float score = product * scale;
    return heads.cap > 0 ? heads.cap * tanhf(score / heads.cap) : score;
  }
  // By how much a score grows with its product.
  __device__ float slope(float score) const {
    const float part = heads.cap > 0 ? score / heads.cap : 0;
    return scale * (1 - part * part);
  }
  // Whether the query that sees keys up to `last` sees this one.
  __device__ bool sees(int last, int key) const {
    return key <= last && (heads.window == 0 || key > last - heads.window);
  }
  // The first key that the query which sees keys up to `last` sees.
  __device__ int first_seen(int last) const { return heads.window ? max(0, last + 1 - heads.window) : 0; }
};

Inputs inputs(Tensor q, const WeightMatrix& k, const WeightMatrix& v, SegmentList segments, Heads heads) {
  if (heads.width > 256)
    throw std::runtime_error("attention on CUDA takes heads of up to 256 columns; these have " +
                             std::to_string(heads.width) + ", run the model on the CPU");
  const float scale = heads.scale != 0 ? heads.scale : 1 / std::sqrt(static_cast<float>(heads.width));
  const auto kept = [](const WeightMatrix& x) { return Kept{{x.data, x.type}, x.rows, x.columns}; };
  return {q, kept(k), kept(v), segments, heads, scale};
}
Inputs inputs(Tensor q, Tensor k, Tensor v, SegmentList segments, Heads heads) {
  return inputs(q, matrix_of(k), matrix_of(v), segments, heads);
}

// Inside a segment, query i sees keys 0 .. past + i.
struct Block {
  Segment segment;
  int queries, keys, past;

  __device__ explicit Block(const Segment& s)
      : segment(s), queries(s.query_end - s.query_begin), keys(s.key_end - s.key_begin), past(keys - queries) {}
};

// A block's queries of one head, `tiles` tiles of `rows` to a segment. The longest walks over keys start first.
struct QueryTile {
  Block block;
  int head, group, first, count;  // none where count <= 0
  int64_t row, offset;            // of the first one, and of its head
  int from, until;                // the keys that one of them sees

  __device__ QueryTile(const Inputs& in, int rows, int tiles)
      : block(in.segments.data[blockIdx.x / tiles]),
        head(blockIdx.y),
        group(in.group_of(head)),
        first((tiles - 1 - static_cast<int>(blockIdx.x) % tiles) * rows),
        count(min(rows, block.queries - first)),
        row(block.segment.query_begin + first),
        offset(in.query_offset(row, head)),
        from(in.first_seen(last_of(0))),
        until(last_of(count)) {}
  __device__ int last_of(int r) const { return block.past + first + r; }  // the last key that query r sees
  __device__ int64_t key_offset(const Inputs& in, int key) const {
    return in.key_offset(block.segment.key_begin + key, group);
  }
};

// A block's keys of one key/value head, which the queries of all heads that share it see.
struct KeyTile {
  Block block;
  int group, shared, first, count;  // none where count <= 0; shared: query heads
  int64_t offset;                   // of the first one's head
  int from, until;                  // the queries that see one of them

  __device__ KeyTile(const Inputs& in, int rows, int tiles)
      : block(in.segments.data[blockIdx.x / tiles]),
        group(blockIdx.y),
        shared(in.heads.query / in.heads.key_value),
        first(static_cast<int>(blockIdx.x) % tiles * rows),
        count(min(rows, block.keys - first)),
        offset(in.key_offset(block.segment.key_begin + first, group)),
        from(max(0, first - block.past)),
        until(in.heads.window ? min(block.queries, first + count - 1 - block.past + in.heads.window) : block.queries) {}
};

// What the backward has beside the inputs. delta (N, H) is the dot of z and its gradient.
struct Gradients {
  Tensor log_sum, z_gradient, delta;
};

// Turns a score into its softmax weight, and the product of z's gradient with the value into the score's gradient.
__device__ void score_gradient(const Inputs& in, float log_sum, float delta, bool seen, float& score, float& product) {
  const float capped = in.scored(score);
  score = seen ? expf(capped - log_sum) : 0;
  product = seen ? score * (product - delta) * in.slope(capped) : 0;
}

}  // namespace
}  // namespace stemma::cuda

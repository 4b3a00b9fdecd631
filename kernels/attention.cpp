// Causal grouped-query attention, one (segment, key/value head) at a time. A query row's scores live in a scratch row;
// no T x T is held. Keys are transposed into scratch first, so that a row of scores is D long additions over the keys.
#include <cmath>
#include <vector>

#include "kernels/cpu_kernels.h"

namespace stemma::cpu {
namespace {

struct Rows {  // the columns of one head in a (rows, stride) matrix
  const float* data;
  int64_t stride;
  const float* operator[](int64_t i) const { return data + i * stride; }
};
struct MutableRows {
  float* data;
  int64_t stride;
  float* operator[](int64_t i) const { return data + i * stride; }
};

STEMMA_CLONES void transpose(Rows x, int64_t rows, int64_t width, float* out) {
  for (int64_t j = 0; j < rows; ++j)
    for (int64_t d = 0; d < width; ++d) out[d * rows + j] = x[j][d];
}

// scores[j] = scale q . k_j for j < seen, with keys transposed (width, keys).
inline __attribute__((always_inline)) void score_row(const float* q, const float* keys_transposed, int64_t keys,
                                                     int64_t seen, int64_t width, float scale, float* scores) {
  for (int64_t j = 0; j < seen; ++j) scores[j] = 0;
  for (int64_t d = 0; d < width; ++d) {
    const float factor = q[d] * scale;
    const float* row = keys_transposed + d * keys;
#pragma omp simd
    for (int64_t j = 0; j < seen; ++j) scores[j] += factor * row[j];
  }
}

// The keys of query i: from `first`, `seen` of them.
struct Sight {
  int64_t first, seen;
  Sight(int64_t i, int64_t queries, int64_t keys, int64_t window) {
    const int64_t end = keys - queries + i + 1;
    first = window > 0 && window < end ? end - window : 0;
    seen = end - first;
  }
};

struct Scoring {
  float scale, cap;
  int64_t window;

  explicit Scoring(const Heads& heads)
      : scale(heads.scale != 0 ? heads.scale : 1 / std::sqrt(static_cast<float>(heads.width))),
        cap(heads.cap),
        window(heads.window) {}
};

inline __attribute__((always_inline)) void cap_row(float* scores, int64_t seen, float cap) {
#pragma omp simd
  for (int64_t j = 0; j < seen; ++j) scores[j] = cap * fast_tanh(scores[j] / cap);
}

STEMMA_CLONES void forward_head(Rows q, const float* keys_transposed, Rows v, MutableRows z, MutableRows log_sum,
                                int64_t queries, int64_t keys, int64_t width, Scoring how, float* scores) {
  for (int64_t i = 0; i < queries; ++i) {
    const auto [first, seen] = Sight(i, queries, keys, how.window);
    score_row(q[i], keys_transposed + first, keys, seen, width, how.scale, scores);
    if (how.cap > 0) cap_row(scores, seen, how.cap);
    float most = scores[0];
#pragma omp simd reduction(max : most)
    for (int64_t j = 0; j < seen; ++j) most = scores[j] > most ? scores[j] : most;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < seen; ++j) {
      scores[j] = fast_exp(scores[j] - most);
      sum += scores[j];
    }
    float* out = z[i];
    for (int64_t d = 0; d < width; ++d) out[d] = 0;
    const float inverse = 1 / sum;
    for (int64_t j = 0; j < seen; ++j) {
      const float p = scores[j] * inverse;
      const float* value = v[first + j];
#pragma omp simd
      for (int64_t d = 0; d < width; ++d) out[d] += p * value[d];
    }
    *log_sum[i] = most + std::log(sum);
  }
}

// ds = p (dp - z . dz), dq = scale ds k, dk = scale ds q, dv = p dz (FlashAttention's backward, Dao et al. 2022).
STEMMA_CLONES void backward_head(Rows q, Rows k, const float* keys_transposed, const float* values_transposed, Rows z,
                                 Rows log_sum, Rows dz, MutableRows dq, MutableRows dk, MutableRows dv, int64_t queries,
                                 int64_t keys, int64_t width, Scoring how, float* scores, float* weights) {
  for (int64_t i = 0; i < queries; ++i) {
    const auto [first, seen] = Sight(i, queries, keys, how.window);
    score_row(q[i], keys_transposed + first, keys, seen, width, how.scale, scores);
    score_row(dz[i], values_transposed + first, keys, seen, width, 1, weights);  // dp
    if (how.cap > 0) cap_row(scores, seen, how.cap);
    const float shift = *log_sum[i];
    float inner = 0;
    for (int64_t d = 0; d < width; ++d) inner += z[i][d] * dz[i][d];
    if (how.cap > 0)
      for (int64_t j = 0; j < seen; ++j) {
        const float part = scores[j] / how.cap, p = fast_exp(scores[j] - shift);
        weights[j] = p * (weights[j] - inner) * how.scale * (1 - part * part);
        scores[j] = p;
      }
    else
#pragma omp simd
      for (int64_t j = 0; j < seen; ++j) {
        scores[j] = fast_exp(scores[j] - shift);                    // p
        weights[j] = scores[j] * (weights[j] - inner) * how.scale;  // scale ds
      }
    float* query_out = dq[i];
    const float* query = q[i];
    const float* gradient = dz[i];
    for (int64_t d = 0; d < width; ++d) query_out[d] = 0;
    for (int64_t j = 0; j < seen; ++j) {
      const float p = scores[j], w = weights[j];
      const float* key = k[first + j];
      float* key_out = dk[first + j];
      float* value_out = dv[first + j];
#pragma omp simd
      for (int64_t d = 0; d < width; ++d) {
        query_out[d] += w * key[d];
        key_out[d] += w * query[d];
        value_out[d] += p * gradient[d];
      }
    }
  }
}

}  // namespace

void attention(Tensor q, Tensor k, Tensor v, std::span<const Segment> segments, Heads heads, Tensor z, Tensor log_sum) {
  const int64_t width = heads.width, group = heads.query / heads.key_value;
  const Scoring how(heads);
  const auto work = static_cast<int64_t>(segments.size()) * heads.key_value;
#pragma omp parallel
  {
    std::vector<float> transposed, scores;
#pragma omp for schedule(dynamic)
    for (int64_t w = 0; w < work; ++w) {
      const Segment& s = segments[w / heads.key_value];
      const int64_t g = w % heads.key_value, keys = s.key_end - s.key_begin, queries = s.query_end - s.query_begin;
      transposed.resize(static_cast<size_t>(keys * width));
      scores.resize(static_cast<size_t>(keys));
      transpose({k.row(s.key_begin) + g * width, k.columns}, keys, width, transposed.data());
      for (int64_t h = g * group; h < (g + 1) * group; ++h)
        forward_head({q.row(s.query_begin) + h * width, q.columns}, transposed.data(),
                     {v.row(s.key_begin) + g * width, v.columns}, {z.row(s.query_begin) + h * width, z.columns},
                     {log_sum.row(s.query_begin) + h, log_sum.columns}, queries, keys, width, how, scores.data());
    }
  }
}

void attention_backward(Tensor q, Tensor k, Tensor v, Tensor z, Tensor log_sum, Tensor z_gradient,
                        std::span<const Segment> segments, Heads heads, Tensor q_gradient, Tensor k_gradient,
                        Tensor v_gradient) {
  const int64_t width = heads.width, group = heads.query / heads.key_value;
  const Scoring how(heads);
  const auto work = static_cast<int64_t>(segments.size()) * heads.key_value;
#pragma omp parallel
  {
    std::vector<float> keys_transposed, values_transposed, scores, weights;
#pragma omp for schedule(dynamic)
    for (int64_t w = 0; w < work; ++w) {
      const Segment& s = segments[w / heads.key_value];
      const int64_t g = w % heads.key_value, keys = s.key_end - s.key_begin, queries = s.query_end - s.query_begin;
      keys_transposed.resize(static_cast<size_t>(keys * width));
      values_transposed.resize(static_cast<size_t>(keys * width));
      scores.resize(static_cast<size_t>(keys));
      weights.resize(static_cast<size_t>(keys));
      const Rows key{k.row(s.key_begin) + g * width, k.columns}, value{v.row(s.key_begin) + g * width, v.columns};
      const MutableRows dk{k_gradient.row(s.key_begin) + g * width, k.columns};
      const MutableRows dv{v_gradient.row(s.key_begin) + g * width, v.columns};
      transpose(key, keys, width, keys_transposed.data());
      transpose(value, keys, width, values_transposed.data());
      for (int64_t j = 0; j < keys; ++j)
        for (int64_t d = 0; d < width; ++d) dk[j][d] = dv[j][d] = 0;
      for (int64_t h = g * group; h < (g + 1) * group; ++h)
        backward_head({q.row(s.query_begin) + h * width, q.columns}, key, keys_transposed.data(), values_transposed.data(),
                      {z.row(s.query_begin) + h * width, z.columns}, {log_sum.row(s.query_begin) + h, log_sum.columns},
                      {z_gradient.row(s.query_begin) + h * width, z.columns},
                      {q_gradient.row(s.query_begin) + h * width, q.columns}, dk, dv, queries, keys, width, how,
                      scores.data(), weights.data());
    }
  }
}

}  // namespace stemma::cpu

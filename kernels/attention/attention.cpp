// Causal grouped-query attention, one (segment, key/value head) at a time, a block of query rows after the other: the
// scores of a block lie in scratch, never T x T of them. Heads are copied into scratch first, their rows padded with
// zeros to whole vectors, keys transposed; for keys and values of bf16, which are multiplied in pairs, q and the
// weights are rounded beside them (kernels/attention/elements.h).
#include <omp.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/attention/elements.h"
#include "kernels/divide_up.h"

namespace stemma::cpu {
namespace {

constexpr int64_t block_rows = 32;
constexpr int64_t part_rows = 128;  // queries that a thread takes of a text's, at least
constexpr int64_t turns_each = 8;   // of a thread, that all end together

// `added`: it is added to often.
Rows place_out(RowsScratch& scratch, Rows out, int64_t rows, int64_t width, bool added = false) {
  return width % pad == 0 && (!added || lie_near(out)) ? out : scratch.make(rows, padded(width));
}
void copy_out(Rows from, int64_t rows, int64_t width, Rows to) {
  if (from.data == to.data) return;
  for (int64_t i = 0; i < rows; ++i) std::copy_n(from[i], width, to[i]);
}

// x (rows, .) = a b^T, or x += a b^T, for causal rows, the first of which sees `seen` keys: panels of rows go as far as
// their last sees.
void causal_scores(const Elements& elements, Rows a, Rows b_transposed, int64_t rows, int64_t width, int64_t seen,
                   Rows x, bool add = false) {
  const int64_t panel = best_tiles().rows;
  for (int64_t i = 0; i < rows; i += panel) {
    const int64_t some = std::min(panel, rows - i);
    elements.product({a[i], a.stride, 1, b_transposed.data, b_transposed.stride, x[i], x.stride, some,
                      padded(seen + i + some - 1), elements.of(width), add});
  }
}

// Rows of products q k become e^(score - the largest), zeros beyond what a row sees; `inverse` of their sum is yet to
// be multiplied with, log_sum the log of summed exponents.
STEMMA_CLONES void exp_rows(float* scores, int64_t stride, int64_t rows, int64_t seen, Scoring how, float* inverse,
                            float* log_sum, int64_t log_sum_stride) {
  const float scale = how.cap > 0 ? 1 : how.scale;
  float most[block_rows], sums[block_rows];
  // One thing after the other, each for all rows, which do not wait for each other.
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t last = seen + i, first = how.first(last);
    if (how.cap > 0) cap_row(scores + i * stride, first, last, how.scale, how.cap);
    most[i] = largest_of_row(scores + i * stride, first, last);
  }
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t last = seen + i, first = how.first(last);
    float* const row = scores + i * stride;
    sums[i] = exp_row(row, first, last, scale, most[i]);
    std::fill(row, row + first / pad * pad, 0.0f);
    if (padded(last) < stride) std::fill(row + padded(last), row + stride, 0.0f);
  }
  for (int64_t i = 0; i < rows; ++i) inverse[i] = 1 / sums[i];
  for (int64_t i = 0; i < rows; ++i) log_sum[i * log_sum_stride] = most[i] * scale + std::log(sums[i]);
}

STEMMA_CLONES void scale_rows(Rows x, int64_t rows, int64_t width, const float* factors) {
  for (int64_t i = 0; i < rows; ++i) {
    float* row = x[i];
#pragma omp simd
    for (int64_t d = 0; d < width; ++d) row[d] *= factors[i];
  }
}

// From products q k to p, and from dp (in `slopes`) to scale p (dp - z . dz): FlashAttention's backward, Dao et al.
// 2022.
STEMMA_CLONES void backward_rows(float* scores, float* slopes, int64_t stride, int64_t rows, int64_t seen, Scoring how,
                                 const float* log_sum, int64_t log_sum_stride, const float* inner) {
  for (int64_t i = 0; i < rows; ++i, ++seen, scores += stride, slopes += stride) {
    const int64_t first = how.first(seen), whole = (seen + pad - 1) / pad * pad;
    const float shift = log_sum[i * log_sum_stride], pull = inner[i];
    if (how.cap > 0) {
      cap_row(scores, first, seen, how.scale, how.cap);
#pragma omp simd
      for (int64_t j = first; j < seen; ++j) {
        const float part = scores[j] / how.cap;
        scores[j] = fast_exp(scores[j] - shift);
        slopes[j] = scores[j] * (slopes[j] - pull) * how.scale * (1 - part * part);
      }
    } else {
#pragma omp simd
      for (int64_t j = first; j < whole; ++j) {
        scores[j] = fast_exp(scores[j] * how.scale - shift);
        slopes[j] = scores[j] * (slopes[j] - pull) * how.scale;
      }
    }
    for (int64_t j = 0; j < first; ++j) scores[j] = slopes[j] = 0;
    for (int64_t j = seen; j < stride; ++j) scores[j] = slopes[j] = 0;
  }
}

// From products q k to p, and from their tangents (in `slopes`) to those of p: with s' of the scores, p (s' - p . s').
STEMMA_CLONES void tangent_rows(float* scores, float* slopes, int64_t stride, int64_t rows, int64_t seen, Scoring how,
                                const float* log_sum, int64_t log_sum_stride) {
  for (int64_t i = 0; i < rows; ++i, ++seen, scores += stride, slopes += stride) {
    const int64_t first = how.first(seen);
    const float shift = log_sum[i * log_sum_stride];
    float along = 0;
    if (how.cap > 0) {
      cap_row(scores, first, seen, how.scale, how.cap);
#pragma omp simd reduction(+ : along)
      for (int64_t j = first; j < seen; ++j) {
        const float part = scores[j] / how.cap;
        scores[j] = fast_exp(scores[j] - shift);
        slopes[j] *= how.scale * (1 - part * part);
        along += scores[j] * slopes[j];
      }
    } else {
#pragma omp simd reduction(+ : along)
      for (int64_t j = first; j < seen; ++j) {
        scores[j] = fast_exp(scores[j] * how.scale - shift);
        slopes[j] *= how.scale;
        along += scores[j] * slopes[j];
      }
    }
#pragma omp simd
    for (int64_t j = first; j < seen; ++j) slopes[j] = scores[j] * (slopes[j] - along);
    for (int64_t j = 0; j < first; ++j) scores[j] = slopes[j] = 0;
    for (int64_t j = seen; j < stride; ++j) scores[j] = slopes[j] = 0;
  }
}

// The weights of a row of products q k, summed over the keys of each step and added to the step's row of means. The row
// sees keys [first, seen).
STEMMA_CLONES void add_step_sums(float* scores, int64_t first, int64_t seen, Scoring how, float log_sum,
                                 const int32_t* bounds, float share, float* means) {
  if (how.cap > 0) cap_row(scores, first, seen, how.scale, how.cap);
  const float scale = how.cap > 0 ? 1 : how.scale;
#pragma omp simd
  for (int64_t j = first; j < seen; ++j) scores[j] = fast_exp(scores[j] * scale - log_sum);
  for (int64_t step = 0; bounds[step] < seen; ++step) {
    const int64_t from = std::max<int64_t>(bounds[step], first), to = std::min<int64_t>(bounds[step + 1], seen);
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = from; j < to; ++j) sum += scores[j];
    means[step] += sum * share;
  }
}

STEMMA_CLONES void row_products(Rows a, Rows b, int64_t rows, int64_t width, float* sums) {
  for (int64_t i = 0; i < rows; ++i) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t d = 0; d < width; ++d) sum += a[i][d] * b[i][d];
    sums[i] = sum;
  }
}

}  // namespace

void attention(Tensor q, std::span<const Ops::Text> texts, std::span<const Segment> segments, Heads heads, Tensor z,
               Tensor log_sum) {
  if (segments.empty()) return;
  const Elements elements(texts[0].k.type);
  const int64_t width = heads.width, group = heads.query / heads.key_value;
  const Scoring how(heads);
  int64_t longest = 0, few = 0;
  for (const Segment& s : segments) {
    longest = std::max<int64_t>(longest, s.query_end - s.query_begin);
    few += few_queries(s, heads);
  }
  if (few) attend_few(q, texts, segments, heads, z, log_sum);
  if (few == static_cast<int64_t>(segments.size())) return;
  const auto work = static_cast<int64_t>(segments.size()) * heads.key_value;
  // Keys and values are copied for each part.
  const int64_t parts = std::min(divide_up(longest, part_rows), divide_up(turns_each * omp_get_max_threads(), work)),
                each = divide_up(divide_up(longest, parts), block_rows) * block_rows;
#pragma omp parallel
  {
    thread_local RowsScratch transposed, copies, values, asked, scores, sums;
#pragma omp for schedule(dynamic)
    for (int64_t turn = 0; turn < parts * work; ++turn) {
      const int64_t w = turn % work, part = parts - 1 - turn / work;  // the last see most keys, and come first
      const Segment& s = segments[w / heads.key_value];
      const auto& [k, v] = texts.size() == 1 ? texts[0] : texts[w / heads.key_value];
      const int64_t g = w % heads.key_value, keys = s.key_end - s.key_begin, queries = s.query_end - s.query_begin;
      const int64_t begin = part * each, end = std::min(begin + each, queries);
      if (begin >= queries || few_queries(s, heads)) continue;
      const int64_t all = keys - queries + end;  // keys that the part sees
      const Rows kt = elements.across(transposed, copies, head_rows(k, s.key_begin, g, width), all, width);
      const Rows value = elements.down(values, head_rows(v, s.key_begin, g, width), all, width);
      for (int64_t h = g * group; h < (g + 1) * group; ++h)
        for (int64_t i = begin; i < end; i += block_rows) {
          const int64_t rows = std::min(block_rows, end - i), seen = keys - queries + i + 1, last = seen + rows - 1;
          const int32_t row = s.query_begin + static_cast<int32_t>(i);
          const Rows x = scores.make(rows, padded(last)), out = head_rows(z, row, h, width);
          const Rows sum = place_out(sums, out, rows, width);
          causal_scores(elements, elements.left(asked, head_rows(q, row, h, width), rows, width), kt, rows, width, seen,
                        x);
          float inverse[block_rows];
          exp_rows(x.data, x.stride, rows, seen, how, inverse, log_sum.row(row) + h, log_sum.columns);
          const Rows p = elements.left_in_place(x, rows, last);
          elements.product({p.data, p.stride, 1, value.data, value.stride, sum.data, sum.stride, rows, padded(width),
                            elements.of(last)});
          scale_rows(sum, rows, width, inverse);
          copy_out(sum, rows, width, out);
        }
    }
  }
}

void attention_backward(Tensor q, Tensor k, Tensor v, Tensor z, Tensor log_sum, Tensor z_gradient,
                        std::span<const Segment> segments, Heads heads, Tensor q_gradient, Tensor k_gradient,
                        Tensor v_gradient) {
  const Elements elements(WeightType::f32);
  const int64_t width = heads.width, group = heads.query / heads.key_value;
  const Scoring how(heads);
  const auto work = static_cast<int64_t>(segments.size()) * heads.key_value;
#pragma omp parallel
  {
    RowsScratch keys_transposed, values_transposed, key_rows, key_sums, value_sums, query_rows, slope_rows, scores,
        slopes, sums;
#pragma omp for schedule(dynamic)
    for (int64_t w = 0; w < work; ++w) {
      const Segment& s = segments[w / heads.key_value];
      const int64_t g = w % heads.key_value, keys = s.key_end - s.key_begin, queries = s.query_end - s.query_begin;
      const Rows kt = transpose_in(keys_transposed, head_rows(k, s.key_begin, g, width), keys, width);
      const Rows vt = transpose_in(values_transposed, head_rows(v, s.key_begin, g, width), keys, width);
      const Rows key = copy_in(key_rows, head_rows(k, s.key_begin, g, width), keys, width);
      const int64_t wide = padded(width);
      const Rows key_out = head_rows(k_gradient, s.key_begin, g, width),
                 dk = place_out(key_sums, key_out, keys, width, true);
      const Rows value_out = head_rows(v_gradient, s.key_begin, g, width),
                 dv = place_out(value_sums, value_out, keys, width, true);
      for (int64_t j = 0; j < keys; ++j) {
        std::fill_n(dk[j], wide, 0.0f);
        std::fill_n(dv[j], wide, 0.0f);
      }
      for (int64_t h = g * group; h < (g + 1) * group; ++h)
        for (int64_t i = 0; i < queries; i += block_rows) {
          const int64_t rows = std::min(block_rows, queries - i), seen = keys - queries + i + 1, last = seen + rows - 1;
          const int32_t row = s.query_begin + static_cast<int32_t>(i);
          const Rows query = copy_in(query_rows, head_rows(q, row, h, width), rows, width);
          const Rows dz = copy_in(slope_rows, head_rows(z_gradient, row, h, width), rows, width);
          const Rows p = scores.make(rows, padded(last)), ds = slopes.make(rows, padded(last));
          const Rows query_out = head_rows(q_gradient, row, h, width), dq = place_out(sums, query_out, rows, width);
          float inner[block_rows];
          row_products(head_rows(z, row, h, width), dz, rows, width, inner);
          causal_scores(elements, query, kt, rows, width, seen, p);
          causal_scores(elements, dz, vt, rows, width, seen, ds);
          backward_rows(p.data, ds.data, p.stride, rows, seen, how, log_sum.row(row) + h, log_sum.columns, inner);
          const auto multiply = [&](Rows a, bool transposed, Rows b, Rows c) {
            elements.product({a.data, transposed ? 1 : a.stride, transposed ? a.stride : 1, b.data, b.stride, c.data,
                              c.stride, transposed ? last : rows, wide, transposed ? rows : last, transposed});
          };
          multiply(ds, false, key, dq);
          multiply(ds, true, query, dk);
          multiply(p, true, dz, dv);
          copy_out(dq, rows, width, query_out);
        }
      copy_out(dk, keys, width, key_out);
      copy_out(dv, keys, width, value_out);
    }
  }
}

void attention_tangent(Tensor q, Tensor k, Tensor v, Tensor log_sum, Tensor q_tangent, Tensor k_tangent,
                       Tensor v_tangent, std::span<const Segment> segments, Heads heads, Tensor z_tangent) {
  const Elements elements(WeightType::f32);
  const int64_t width = heads.width, group = heads.query / heads.key_value;
  const Scoring how(heads);
  const auto work = static_cast<int64_t>(segments.size()) * heads.key_value;
#pragma omp parallel
  {
    RowsScratch keys_transposed, tangents_transposed, value_rows, tangent_values, scores, slopes, sums;
#pragma omp for schedule(dynamic)
    for (int64_t w = 0; w < work; ++w) {
      const Segment& s = segments[w / heads.key_value];
      const int64_t g = w % heads.key_value, keys = s.key_end - s.key_begin, queries = s.query_end - s.query_begin;
      const Rows kt = transpose_in(keys_transposed, head_rows(k, s.key_begin, g, width), keys, width),
                 dkt = transpose_in(tangents_transposed, head_rows(k_tangent, s.key_begin, g, width), keys, width),
                 value = copy_in(value_rows, head_rows(v, s.key_begin, g, width), keys, width),
                 dv = copy_in(tangent_values, head_rows(v_tangent, s.key_begin, g, width), keys, width);
      for (int64_t h = g * group; h < (g + 1) * group; ++h)
        for (int64_t i = 0; i < queries; i += block_rows) {
          const int64_t rows = std::min(block_rows, queries - i), seen = keys - queries + i + 1, last = seen + rows - 1;
          const int32_t row = s.query_begin + static_cast<int32_t>(i);
          const Rows query = head_rows(q, row, h, width), out = head_rows(z_tangent, row, h, width);
          const Rows p = scores.make(rows, padded(last)), dp = slopes.make(rows, padded(last)),
                     dz = place_out(sums, out, rows, width);
          causal_scores(elements, query, kt, rows, width, seen, p);
          causal_scores(elements, head_rows(q_tangent, row, h, width), kt, rows, width, seen, dp);
          causal_scores(elements, query, dkt, rows, width, seen, dp, true);
          tangent_rows(p.data, dp.data, p.stride, rows, seen, how, log_sum.row(row) + h, log_sum.columns);
          const auto weigh = [&](Rows a, Rows b, bool add) {
            elements.product(
                {a.data, a.stride, 1, b.data, b.stride, dz.data, dz.stride, rows, padded(width), last, add});
          };
          weigh(dp, value, false);
          weigh(p, dv, true);
          copy_out(dz, rows, width, out);
        }
    }
  }
}

void attention_means(Tensor q, WeightMatrix k, Tensor log_sum, Ids bounds, Heads heads, Tensor means) {
  const Elements elements(k.type);
  const int64_t width = heads.width, group = heads.query / heads.key_value, steps = means.columns;
  const int64_t past = k.rows - q.rows;
  const Scoring how(heads);
#pragma omp parallel
  {
    RowsScratch transposed, copies, asked, scores;
#pragma omp for schedule(dynamic)
    for (int64_t h = 0; h < heads.query; ++h) {
      const Rows kt = elements.across(transposed, copies, head_rows(k, 0, h / group, width), k.rows, width);
      const Tensor to = means.slice(h * steps, (h + 1) * steps);
      int64_t step = 0;
      for (int64_t i = 0; i < q.rows; i += block_rows) {
        const int64_t rows = std::min(block_rows, q.rows - i), seen = past + i + 1;
        const Rows x = scores.make(rows, padded(seen + rows - 1));
        causal_scores(elements, elements.left(asked, head_rows(q, i, h, width), rows, width), kt, rows, width, seen, x);
        for (int64_t r = 0; r < rows; ++r) {
          while (bounds.data[step + 1] <= past + i + r) ++step;
          add_step_sums(x[r], how.first(seen + r), seen + r, how, log_sum.row(i + r)[h], bounds.data,
                        1.0f / static_cast<float>(bounds.data[step + 1] - bounds.data[step]), to.row(step));
        }
      }
    }
  }
}

}  // namespace stemma::cpu

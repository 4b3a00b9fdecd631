// What the files of attention share: heads as rows, and how scores are made of products. Internal to kernels.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu_kernels.h"
#include "kernels/products/tiles.h"
#include "kernels/scratch.h"

namespace stemma::cpu {

constexpr int64_t pad = 16;  // floats of whole vectors
inline int64_t padded(int64_t n) { return (n + pad - 1) / pad * pad; }

struct Rows {  // the columns of one head in a (rows, stride) matrix
  float* data;
  int64_t stride;
  float* operator[](int64_t i) const { return data + i * stride; }
};
inline Rows head_rows(Tensor x, int64_t first, int64_t head, int64_t width) {
  return {x.row(first) + head * width, x.columns};
}

struct KeptRows {  // the same of keys or values, which lie in f32, bf16 or f16
  WeightType type;
  std::byte* data;
  int64_t stride;  // bytes
  std::byte* operator[](int64_t i) const { return data + i * stride; }
};
inline KeptRows head_rows(const WeightMatrix& x, int64_t first, int64_t head, int64_t width) {
  return {x.type, x.row(first) + row_bytes(x.type, head * width), x.row_bytes()};
}

inline Rows floats_of(KeptRows x) { return {reinterpret_cast<float*>(x.data), x.stride / int64_t{sizeof(float)}}; }

// Of `rows` rows, not cleared; whole vectors may be read past the last.
struct RowsScratch {
  Scratch memory;
  Rows make(int64_t rows, int64_t columns) { return {memory.make(rows * columns + pad), columns}; }
};

// Rows that lie far apart share few lines of the first-level cache.
inline bool lie_near(Rows x) {
  constexpr int64_t near = 256;  // floats
  return x.stride <= near;
}
// A head whose rows are whole vectors near each other is used where it lies, another is copied.
inline Rows copy_in(RowsScratch& scratch, Rows x, int64_t rows, int64_t width) {
  if (width % pad == 0 && lie_near(x)) return x;
  const Rows to = scratch.make(rows, padded(width));
  for (int64_t i = 0; i < rows; ++i) {
    std::copy_n(x[i], width, to[i]);
    std::fill(to[i] + width, to[i] + to.stride, 0.0f);
  }
  return to;
}

// As floats.
inline Rows copy_in(RowsScratch& scratch, KeptRows x, int64_t rows, int64_t width) {
  if (x.type == WeightType::f32) return copy_in(scratch, floats_of(x), rows, width);
  const auto unpack = best_streams().unpack[static_cast<size_t>(x.type)];
  const Rows to = scratch.make(rows, padded(width));
  for (int64_t i = 0; i < rows; ++i) {
    unpack(x[i], width, to[i]);
    std::fill(to[i] + width, to[i] + to.stride, 0.0f);
  }
  return to;
}

// (width, padded(rows)), zeros past the rows.
inline Rows transpose_in(RowsScratch& scratch, Rows x, int64_t rows, int64_t width) {
  const Rows to = scratch.make(width, padded(rows) | pad);  // rows apart by a power of two would drive each other out
  best_tiles().transpose(x.data, x.stride, rows, width, to.data, to.stride);
  for (int64_t d = 0; d < width; ++d) std::fill(to[d] + rows, to[d] + to.stride, 0.0f);
  return to;
}

struct Scoring {
  float scale, cap;
  int64_t window;

  explicit Scoring(const Heads& heads)
      : scale(heads.scale != 0 ? heads.scale : 1 / std::sqrt(static_cast<float>(heads.width))),
        cap(heads.cap),
        window(heads.window) {}
  // The first key in the window of a row that ends at key `seen`.
  int64_t first(int64_t seen) const { return window > 0 && window < seen ? seen - window : 0; }
};

// The products q k of a row become its capped scores; their scale is then 1.
inline __attribute__((always_inline)) void cap_row(float* scores, int64_t first, int64_t last, float scale, float cap) {
#pragma omp simd
  for (int64_t j = first; j < last; ++j) scores[j] = cap * fast_tanh(scores[j] * scale / cap);
}

// Lanes' largest or sum: halves on halves.
template <class Meet>
inline __attribute__((always_inline)) float meet_lanes(float (&lanes)[pad], Meet meet) {
  for (int64_t half = pad / 2; half > 0; half /= 2)
#pragma omp simd
    for (int64_t i = 0; i < half; ++i) lanes[i] = meet(lanes[i], lanes[i + half]);
  return lanes[0];
}

// Of whole vectors around [first, last): the numbers that are not in it become `with`.
inline __attribute__((always_inline)) void fill_around(float* row, int64_t first, int64_t last, float with) {
  float* const low = row + first / pad * pad;
  float* const high = row + (last - 1) / pad * pad;
  const auto before = static_cast<int>(first % pad), in = static_cast<int>((last - 1) % pad);
#pragma omp simd
  for (int i = 0; i < pad; ++i) low[i] = i < before ? with : low[i];
#pragma omp simd
  for (int i = 0; i < pad; ++i) high[i] = i > in ? with : high[i];
}

// The largest of the products q k of a row, or of its capped scores. Up to whole vectors around [first, last) become
// the least that there is.
inline __attribute__((always_inline)) float largest_of_row(float* scores, int64_t first, int64_t last) {
  constexpr float least = -std::numeric_limits<float>::infinity();
  if (first >= last) return least;
  fill_around(scores, first, last, least);
  float lanes[pad];
  for (float& lane : lanes) lane = least;
  for (int64_t j = first / pad * pad; j < last; j += pad)
#pragma omp simd
    for (int64_t i = 0; i < pad; ++i) lanes[i] = scores[j + i] > lanes[i] ? scores[j + i] : lanes[i];
  return meet_lanes(lanes, [](float a, float b) { return a > b ? a : b; });
}

// The products q k of a row, or its capped scores with scale 1, become e^(scale (x - most)); returns their sum. Up to
// whole vectors around [first, last), which are to be finite or as largest_of_row left them, become 0.
inline __attribute__((always_inline)) float exp_row(float* scores, int64_t first, int64_t last, float scale,
                                                    float most) {
  if (first >= last) return 0;
  float lanes[pad];
  for (float& lane : lanes) lane = 0;
  for (int64_t j = first / pad * pad; j < last; j += pad)
#pragma omp simd
    for (int64_t i = 0; i < pad; ++i) {
      const float e = fast_exp((scores[j + i] - most) * scale);
      scores[j + i] = e;
      lanes[i] += e;
    }
  fill_around(scores, first, last, 0);
  return meet_lanes(lanes, [](float a, float b) { return a + b; });
}

// A few queries for each head of keys: as when a token is written.
inline bool few_queries(const Segment& s, const Heads& heads) {
  return (s.query_end - s.query_begin) * int64_t{heads.query / heads.key_value} <= pad;
}
// Attention of the segments of few queries; segment i reads texts[i], or the one text that there is.
void attend_few(Tensor q, std::span<const Ops::Text> texts, std::span<const Segment> segments, const Heads& heads,
                Tensor z, Tensor log_sum);

}  // namespace stemma::cpu

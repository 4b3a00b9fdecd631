// The CPU twins of the operations, one family a file; shapes as in ops.h. Assembled by cpu_ops.cpp.
#pragma once

#include "kernels/ops.h"
#include "kernels/products/streams.h"
#include "kernels/products/tiles.h"

// Compiles a plain loop for several instruction sets and picks one when the program starts. Sanitizers dislike the
// resolver, which runs before they are ready.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEMMA_CLONES
#else
#define STEMMA_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

namespace stemma::cpu {

// Numbers of a plain loop from which on threads share it: fewer take less time than calling threads together.
constexpr int64_t shared_from = 1 << 14;

void linear(Tensor x, std::span<const Ops::Product> products, const Streams& streams = best_streams());
void linear_backward(Tensor y_gradient, const WeightMatrix& w, Tensor x_gradient, bool add,
                     const Streams& streams = best_streams());
void round(Tensor x, WeightMatrix y);
void embed(Ids ids, WeightMatrix table, Tensor out);
void embed_backward(Ids ids, Tensor out_gradient, Tensor table_gradient);
void rms_norm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverse_rms);
void rms_norm_backward(Tensor x, Tensor weight, Tensor inverse_rms, Tensor y_gradient, Tensor x_gradient,
                       Tensor weight_gradient);
void rms_norm_tangent(Tensor x, Tensor weight, Tensor inverse_rms, Tensor x_tangent, Tensor y_tangent);
void layer_norm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y, Tensor statistics);
void layer_norm_backward(Tensor x, Tensor weight, Tensor statistics, Tensor y_gradient, Tensor x_gradient,
                         Tensor weight_gradient, Tensor bias_gradient);
void layer_norm_tangent(Tensor x, Tensor weight, Tensor statistics, Tensor x_tangent, Tensor y_tangent);
void rope(Tensor x, Ids positions, Tensor table, int head_width, Rotation rotation);
// Segment i is of texts[i], or all are of one.
void attention(Tensor q, std::span<const Ops::Text> texts, std::span<const Segment> segments, Heads heads, Tensor z,
               Tensor log_sum);
void attention_step(Tensor q, Tensor k, Tensor v, Ids places, std::span<const Ops::Text> texts, Heads heads, Tensor z,
                    Tensor log_sum);
void attention_backward(Tensor q, Tensor k, Tensor v, Tensor z, Tensor log_sum, Tensor z_gradient,
                        std::span<const Segment> segments, Heads heads, Tensor q_gradient, Tensor k_gradient,
                        Tensor v_gradient);
void attention_tangent(Tensor q, Tensor k, Tensor v, Tensor log_sum, Tensor q_tangent, Tensor k_tangent,
                       Tensor v_tangent, std::span<const Segment> segments, Heads heads, Tensor z_tangent);
void attention_means(Tensor q, WeightMatrix k, Tensor log_sum, Ids bounds, Heads heads, Tensor means);
void attention_weights(Tensor q, WeightMatrix k, Heads heads, Tensor weights);
void swiglu(Tensor gate, Tensor up, Tensor out);
void swiglu_backward(Tensor gate, Tensor up, Tensor out_gradient, Tensor gate_gradient, Tensor up_gradient);
void swiglu_tangent(Tensor gate, Tensor up, Tensor gate_tangent, Tensor up_tangent, Tensor out_tangent);
void gelu(Gelu kind, Tensor x, Tensor up, Tensor out);
void gelu_backward(Gelu kind, Tensor x, Tensor up, Tensor out_gradient, Tensor x_gradient, Tensor up_gradient);
void gelu_tangent(Gelu kind, Tensor x, Tensor up, Tensor x_tangent, Tensor up_tangent, Tensor out_tangent);
void add_bias(Tensor bias, Tensor y);
void add_bias_backward(Tensor y_gradient, Tensor bias_gradient);
void soft_cap(Tensor x, float cap);
void soft_cap_backward(Tensor y, float cap, Tensor gradient);
void clip(Tensor x, float limit);
void clip_backward(Tensor y, float limit, Tensor gradient);
// c (m,n), its rows c_columns apart, = alpha op(a) op(b) + beta c over k, of row-major matrices.
void product(const float* a, bool transpose_a, int64_t a_columns, const float* b, bool transpose_b, int64_t b_columns,
             float* c, int64_t m, int64_t n, int64_t k, float alpha, float beta, int64_t c_columns);
// c (rows, columns) = a^T b over some tokens, whose rows in a and b are a_columns and b_columns apart; c contiguous. Of
// few tokens and whole vectors it is a product of tiles as it lies.
bool outer_in_tiles(int64_t tokens, int64_t columns, int64_t b_columns);
void outer(const float* a, int64_t a_columns, const float* b, int64_t b_columns, int64_t tokens, float* c, int64_t rows,
           int64_t columns, const NextRows& next = {});
void matmul(Tensor a, bool transpose_a, Tensor b, bool transpose_b, Tensor c, float alpha, float beta);
void segment_outer(Tensor a, Tensor b, std::span<const Segment> segments, Tensor products);
void segment_scores(Tensor g, Tensor a, std::span<const Segment> segments, Tensor queries, Tensor scores,
                    const Tiles& tiles = best_tiles());
void low_rank_scores(Tensor g, Tensor a, std::span<const Segment> segments, Tensor left, Tensor right, Tensor scores,
                     bool rounded, const Tiles& tiles = best_tiles());
void segment_squares(Tensor g, Tensor a, std::span<const Segment> segments, Tensor total);
void gram(Tensor x, Tensor c);
void add(Tensor x, Tensor y, float scale);
void cross_entropy(Tensor logits, Ids targets, float weight, Tensor losses);
void sample_targets(Tensor logits, Tensor uniforms, Ids targets);
void adamw(Tensor parameter, Tensor gradient, Tensor first, Tensor second, const Ops::AdamW& settings);
double sum_of_squares(Tensor x);
void divide_damped(Tensor x, Tensor d, float damping, Tensor y);
void row_dots(Tensor a, Tensor b, Tensor dots);

// e^x to 2 ulp, written without branches so that loops of it vectorise (Cephes' polynomial). Flushes to 0 below -87.
inline __attribute__((always_inline)) float fast_exp(float x) {
  x = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
  const float n = __builtin_floorf(x * 1.44269504088896341f + 0.5f);
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float e = p * r * r + r + 1.0f;
  const int bits = (static_cast<int>(n) + 127) << 23;
  return e * __builtin_bit_cast(float, bits);
}

// tanh to 2 ulp, without branches as above (Cephes' polynomial near zero).
inline __attribute__((always_inline)) float fast_tanh(float x) {
  const float far = x < 0 ? -x : x, square = x * x;
  float p = -5.70498872745e-3f;
  p = p * square + 2.06390887954e-2f;
  p = p * square - 5.37397155531e-2f;
  p = p * square + 1.33314422036e-1f;
  p = p * square - 3.33332819422e-1f;
  const float near_zero = p * square * x + x, beyond = 1.0f - 2.0f / (fast_exp(2.0f * far) + 1.0f);
  return far < 0.625f ? near_zero : (x < 0 ? -beyond : beyond);
}

}  // namespace stemma::cpu

// The whole contract of the kernels: what an operation computes, in which shapes, on which device.
//
// Matrices are row-major f32 and owned by their Buffer; a Tensor is only a view. All pointers of one call belong to the
// device of the Ops. Backward operations write activation gradients (=) and add parameter gradients (+=), unless said.
// Tangents are forward mode (Griewank & Walther 2008, ch. 3): from the directions in which an operation's inputs move
// they write (=) that of its output, parameters at rest. What is linear is its own tangent (rope, add); what works
// element by element in place has one that is its backward too (soft_cap, clip).
// Calls on one Ops come from one thread at a time. Failures of a device throw std::runtime_error with one sentence.
//
// Letters: N rows (tokens of all segments), C width, H heads, G key/value heads, D head width, F mlp width, V
// vocabulary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "kernels/weight_matrix.h"

namespace stemma {

template <class T>
struct View {
  T* data = nullptr;
  int64_t rows = 0, columns = 0;

  int64_t size() const { return rows * columns; }
  explicit operator bool() const { return data != nullptr; }
  T* row(int64_t i) const { return data + i * columns; }
  View slice(int64_t begin, int64_t end) const { return {data + begin * columns, end - begin, columns}; }
};
using Tensor = View<float>;
using Ids = View<int32_t>;  // (N, 1)

inline WeightMatrix matrix_of(Tensor x) {
  return {WeightType::f32, reinterpret_cast<std::byte*>(x.data), x.rows, x.columns};
}
inline WeightMatrix matrix_of(View<uint16_t> x) {
  return {WeightType::bf16, reinterpret_cast<std::byte*>(x.data), x.rows, x.columns};
}
// Of f32 alone.
inline Tensor numbers_of(const WeightMatrix& w) { return {reinterpret_cast<float*>(w.data), w.rows, w.columns}; }

// One causal block of attention: queries [query_begin, query_end) see keys from key_begin up to their own place,
// aligned at the end (the last query sees all of [key_begin, key_end)). Without a cache both ranges are equal.
struct Segment {
  int32_t query_begin = 0, query_end = 0, key_begin = 0, key_end = 0;
};

struct Heads {
  int query = 0, key_value = 0, width = 0;  // H, G, D
  float scale = 0;                          // of q k^T; 0: 1/sqrt(D)
  float cap = 0;                            // scores become cap tanh(score / cap); 0: none
  int window = 0;                           // the latest keys that a query sees, its own among them; 0: all
  bool rounded = false;                     // attention and its backward may round what they multiply to bf16; sums
                                            // stay f32, and the CPU rounds nothing but what bf16 keys and values meet
};

enum class Rotation { forward, inverse };
enum class Gelu { exact, tanh };

class Ops {
 public:
  virtual ~Ops() = default;
  virtual std::string device() const = 0;  // "cpu", "cuda:0 (NVIDIA H100)"

  // How much memory the device has, and how much of it can still be had: bytes, 0 where it does not say.
  struct Memory {
    double free = 0, total = 0;
  };
  virtual Memory memory() const = 0;
  // Memory of the device. upload and download are complete when they return.
  virtual void* allocate(size_t bytes) = 0;
  virtual void release(void* memory) noexcept = 0;
  virtual void upload(void* device, const void* host, size_t bytes) = 0;
  virtual void download(void* host, const void* device, size_t bytes) = 0;
  virtual void copy(void* to, const void* from, size_t bytes) = 0;
  virtual void zero(void* memory, size_t bytes) = 0;

  // Makes the calls of `calls`, which differ from those of the last time only by the numbers that stand in the device's
  // memory: a device may keep in `recording` what it was asked, and do that again without being asked. So `calls`
  // neither transfers nor takes memory. Before other calls the caller empties `recording`; memory that was given back
  // in between is noticed here. A recording must not outlive its Ops.
  class Recording {
   public:
    virtual ~Recording() = default;
  };
  virtual void repeat(std::unique_ptr<Recording>& recording, const std::function<void()>& calls) = 0;

  // Whether embed and linear take weights of a type here; f32 always.
  virtual bool takes(WeightType type) const = 0;
  // Whether matrices of a type lie here with their rows interleaved, which is faster; files have them apart.
  virtual bool interleaves(WeightType) const { return false; }
  // Rows from `first` on as files have them, to and from a matrix, however it lies: whole rows of bytes on the host.
  virtual void write_rows(std::span<const std::byte> rows, WeightMatrix to, int64_t first) {
    upload(to.row(first), rows.data(), rows.size());
  }
  virtual void read_rows(WeightMatrix from, int64_t first, std::span<std::byte> rows) {
    download(rows.data(), from.row(first), rows.size());
  }
  // linear: y = x w^T for each of the products of one x, of weights as they are stored. Together they take as long as
  // they read.                                              x (N, inputs), w (outputs, inputs), y (N, outputs)
  // Where the device multiplies bf16, x is rounded to it for bf16 weights; for interleaved rows, which are of blocks, to
  // whole numbers of 16 bits. Sums are f32. On the CPU each of up to 16 rows of y, and with interleaved rows of any
  // number, is the same to the last bit whatever the others are.
  struct Product {
    WeightMatrix w;
    Tensor y;
  };
  virtual void linear(Tensor x, std::span<const Product> products) = 0;
  void linear(Tensor x, WeightMatrix w, Tensor y) {
    const Product one[] = {{w, y}};
    linear(x, one);
  }
  // x_gradient = y_gradient w, or += where `add`: several linears may read one x.
  // y_gradient (N, outputs), x_gradient (N, inputs). Where the device multiplies bf16, y_gradient is rounded to it for
  // bf16 weights; sums are f32.
  virtual void linear_backward(Tensor y_gradient, WeightMatrix w, Tensor x_gradient, bool add = false) = 0;
  // Whether products with bf16 weights are faster here than with f32 ones, and not only shorter.
  virtual bool multiplies_bf16() const = 0;
  // round: y = x in its type, f32, bf16 or f16: to the nearest, ties to even.   y shaped as x
  virtual void round(Tensor x, WeightMatrix y) = 0;

  // embed: out[n] = table[ids[n]].                           table (V,C), out (N,C)
  virtual void embed(Ids ids, WeightMatrix table, Tensor out) = 0;
  void embed(Ids ids, Tensor table, Tensor out) { embed(ids, matrix_of(table), out); }
  virtual void embed_backward(Ids ids, Tensor out_gradient, Tensor table_gradient) = 0;

  // norm: y = x * inverse_rms * weight (RMSNorm, Zhang & Sennrich 2019).   weight (1,C), inverse_rms (N,1)
  // x_gradient is added to (+=): the norm sits on a residual branch.
  virtual void rms_norm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverse_rms) = 0;
  virtual void rms_norm_backward(Tensor x, Tensor weight, Tensor inverse_rms, Tensor y_gradient, Tensor x_gradient,
                                 Tensor weight_gradient) = 0;
  // y_tangent may be x_tangent.
  virtual void rms_norm_tangent(Tensor x, Tensor weight, Tensor inverse_rms, Tensor x_tangent, Tensor y_tangent) = 0;

  // layer_norm: y = (x - mean) * inverse_deviation * weight + bias (Ba et al. 2016).   weight, bias (1,C) or empty,
  // statistics (N,2): mean, inverse deviation. x_gradient is added to (+=), as above.
  virtual void layer_norm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y, Tensor statistics) = 0;
  virtual void layer_norm_backward(Tensor x, Tensor weight, Tensor statistics, Tensor y_gradient, Tensor x_gradient,
                                   Tensor weight_gradient, Tensor bias_gradient) = 0;
  // y_tangent may be x_tangent.
  virtual void layer_norm_tangent(Tensor x, Tensor weight, Tensor statistics, Tensor x_tangent, Tensor y_tangent) = 0;

  // rope: turns each pair (i, i + R/2) of every head by its position's angle, in place.   x (N, heads*D)
  // table (positions, R): cosines in the first half of a row, sines in the second; columns R.. of a head stay as they
  // are. inverse turns back (the backward).
  virtual void rope(Tensor x, Ids positions, Tensor table, int head_width, Rotation rotation) = 0;

  // attention: z = softmax(cap(scale q k^T) + causal) v per segment and head, grouped queries.
  // q, z (N, H*D); k, v (keys, G*D); log_sum (N, H) keeps each row's log of summed exponents for the backward.
  // Keys and values are f32, bf16 or f16, both alike, and are read as they lie, here and below. Where the device
  // multiplies bf16, what meets bf16 keys and values may be rounded to it: queries, and the weights of many queries
  // before they are divided by their sum; sums are f32. On the CPU a segment gives the same whatever the others are.
  virtual void attention(Tensor q, WeightMatrix k, WeightMatrix v, std::span<const Segment> segments, Heads heads,
                         Tensor z, Tensor log_sum) = 0;
  void attention(Tensor q, Tensor k, Tensor v, std::span<const Segment> segments, Heads heads, Tensor z,
                 Tensor log_sum) {
    attention(q, matrix_of(k), matrix_of(v), segments, heads, z, log_sum);
  }
  // attention_step: one token more of each of several texts. Row n of k and v, rounded, becomes row places[n] of
  // texts[n], and z[n] is attention of q[n] over rows 0 .. places[n] there, whatever the other texts are.
  // q, z (N, H*D); k, v (N, G*D); places (N,1); log_sum (N, H)
  struct Text {
    WeightMatrix k, v;  // (room, G*D), all of one type
  };
  virtual void attention_step(Tensor q, Tensor k, Tensor v, Ids places, std::span<const Text> texts, Heads heads,
                              Tensor z, Tensor log_sum) = 0;
  // Memory of the device that it takes beside, once: bytes, for so many texts of which the longest has that room.
  virtual size_t attention_step_bytes(int64_t texts, int64_t room, Heads heads) const = 0;
  virtual void attention_backward(Tensor q, Tensor k, Tensor v, Tensor z, Tensor log_sum, Tensor z_gradient,
                                  std::span<const Segment> segments, Heads heads, Tensor q_gradient, Tensor k_gradient,
                                  Tensor v_gradient) = 0;
  virtual void attention_tangent(Tensor q, Tensor k, Tensor v, Tensor log_sum, Tensor q_tangent, Tensor k_tangent,
                                 Tensor v_tangent, std::span<const Segment> segments, Heads heads,
                                 Tensor z_tangent) = 0;
  // attention_means: how much the tokens of each step look at those of each step, without the matrix of all tokens.
  // means[h,i,j] += 1/|i| * the weights of softmax(cap(scale q k^T) + causal), summed over the queries of step i that are
  // given and over the keys of step j. Once every token was a query, row (h,i) sums to 1.
  // One text: q (n, H*D) its latest n tokens, k (keys, G*D) all so far, log_sum (n,H) as attention left it. Step i is
  // tokens bounds[i] .. bounds[i+1]-1, bounds (S+1,1) rising from 0 to the last key or beyond; means (H*S, S).
  virtual void attention_means(Tensor q, WeightMatrix k, Tensor log_sum, Ids bounds, Heads heads, Tensor means) = 0;
  // attention_weights: the row softmax(cap(scale q k^T)) of one query, of each head.
  // q (1, H*D) of the latest token, k (keys, G*D) all up to its own, weights (H, keys); 0 before its window.
  virtual void attention_weights(Tensor q, WeightMatrix k, Heads heads, Tensor weights) = 0;

  // mlp: out = silu(gate) * up.                              all (N,F)   a gradient, or tangent, may be written over
  // another: each number of all is read before those of its place are written
  virtual void swiglu(Tensor gate, Tensor up, Tensor out) = 0;
  virtual void swiglu_backward(Tensor gate, Tensor up, Tensor out_gradient, Tensor gate_gradient,
                               Tensor up_gradient) = 0;
  virtual void swiglu_tangent(Tensor gate, Tensor up, Tensor gate_tangent, Tensor up_tangent, Tensor out_tangent) = 0;

  // gelu: out = gelu(x) * up, or gelu(x) where up is empty.   all (N,F)   x Phi(x), or its approximation by tanh
  // (Hendrycks & Gimpel 2016). Written over as of mlp.
  virtual void gelu(Gelu kind, Tensor x, Tensor up, Tensor out) = 0;
  virtual void gelu_backward(Gelu kind, Tensor x, Tensor up, Tensor out_gradient, Tensor x_gradient,
                             Tensor up_gradient) = 0;
  virtual void gelu_tangent(Gelu kind, Tensor x, Tensor up, Tensor x_tangent, Tensor up_tangent,
                            Tensor out_tangent) = 0;

  // elementwise, in place. add_bias: y[n] += bias.           bias (1,M), y (N,M)
  virtual void add_bias(Tensor bias, Tensor y) = 0;
  virtual void add_bias_backward(Tensor y_gradient, Tensor bias_gradient) = 0;
  // soft_cap: x = cap tanh(x / cap). Its backward takes what came out (y), and scales the gradient.
  virtual void soft_cap(Tensor x, float cap) = 0;
  virtual void soft_cap_backward(Tensor y, float cap, Tensor gradient) = 0;
  // clip: to [-limit, limit]. Its backward takes what came out, and zeroes the gradient where it lies on the limit.
  virtual void clip(Tensor x, float limit) = 0;
  virtual void clip_backward(Tensor y, float limit, Tensor gradient) = 0;

  // matmul: c = alpha op(a) op(b) + beta c, op = transpose where asked.
  virtual void matmul(Tensor a, bool transpose_a, Tensor b, bool transpose_b, Tensor c, float alpha = 1,
                      float beta = 0) = 0;
  // gram: c += x^T x in the upper triangle; below the diagonal c is left undefined.      x (N,M), c (M,M)
  virtual void gram(Tensor x, Tensor c) = 0;
  // For each segment s: products[s] = a[s]^T b[s], the sum over its tokens of outer products.
  // a (N,M), b (N,P), products (segments, M*P).
  virtual void segment_outer(Tensor a, Tensor b, std::span<const Segment> segments, Tensor products) = 0;
  // scores[s][q] += <queries[q], g[s]^T a[s]>, the product itself never written.
  // g (N,P), a (N,M), queries (Q, P*M), scores (segments, Q).
  virtual void segment_scores(Tensor g, Tensor a, std::span<const Segment> segments, Tensor queries, Tensor scores) = 0;
  // total += the square of g[s]^T a[s], element by element, summed over segments.      total (1, P*M)
  // Neither sum depends on the number of threads: the same call gives the same bits.
  virtual void segment_squares(Tensor g, Tensor a, std::span<const Segment> segments, Tensor total) = 0;

  // add: y += scale x. The residual's addition, and sums of gradients.
  virtual void add(Tensor x, Tensor y, float scale = 1) = 0;

  // loss. Rows are logits (n,V); targets (n,1), -1 = no label.
  // Replaces each row by weight * (softmax - onehot), the gradient of weight * -log p(target), and writes
  // losses[n] = -log p(target) in nats (0, and a zero row, where there is no label).
  virtual void cross_entropy(Tensor logits, Ids targets, float weight, Tensor losses) = 0;
  // Draws targets[n] ~ softmax(logits[n]) with the uniform number of the row; rows whose target is -1 stay so.
  virtual void sample_targets(Tensor logits, Tensor uniforms, Ids targets) = 0;

  // optimise: one AdamW step (Loshchilov & Hutter 2019) on flat arrays; `step` counts from 1.
  struct AdamW {
    float rate, beta1, beta2, epsilon, decay;
    int64_t step;
  };
  virtual void adamw(Tensor parameter, Tensor gradient, Tensor first, Tensor second, const AdamW& settings) = 0;
  virtual double sum_of_squares(Tensor x) = 0;

  // influence: y = x / (d + damping), element by element (the damped inverse in the eigenbasis).
  virtual void divide_damped(Tensor x, Tensor d, float damping, Tensor y) = 0;
  // dots[n] += sum_c a[n,c] b[n,c].                          dots (N,1)
  virtual void row_dots(Tensor a, Tensor b, Tensor dots) = 0;
  // eigenvectors of a symmetric matrix (n,n), on the host, in f64: row i becomes that of the i-th smallest eigenvalue.
  // False where they were not found. By LAPACK's dsyevd, or cuSOLVER's.
  virtual bool eigenvectors(double* matrix, int64_t n) = 0;
};

// The reference: any CPU, OpenMP threads, oneDNN products. Never null.
std::shared_ptr<Ops> make_cpu_ops();
// Device `index` of the CUDA plugin. Null where it cannot be had; `why` then says what is missing, in one sentence.
std::shared_ptr<Ops> make_cuda_ops(int index, std::string& why);
// Without a driver that cannot be had, and this tells so before the plugin's libraries take a tenth of a second to load.
bool has_cuda_driver();

// Owns `rows * columns` numbers on the device of an Ops and keeps that Ops alive.
template <class T>
class BasicBuffer {
 public:
  BasicBuffer() = default;
  BasicBuffer(std::shared_ptr<Ops> ops, int64_t rows, int64_t columns) : ops_(std::move(ops)) {
    view_ = {static_cast<T*>(ops_->allocate(sizeof(T) * static_cast<size_t>(rows * columns))), rows, columns};
  }
  BasicBuffer(BasicBuffer&& other) noexcept { *this = std::move(other); }
  BasicBuffer& operator=(BasicBuffer&& other) noexcept {
    std::swap(ops_, other.ops_);
    std::swap(view_, other.view_);
    return *this;
  }
  ~BasicBuffer() {
    if (view_.data) ops_->release(view_.data);
  }
  View<T> view() const { return view_; }
  operator View<T>() const { return view_; }
  void zero() { ops_->zero(view_.data, bytes()); }
  void upload(const T* host) { ops_->upload(view_.data, host, bytes()); }
  void download(T* host) const { ops_->download(host, view_.data, bytes()); }
  void copy_rows(const BasicBuffer& from, int64_t rows) {  // the first `rows`
    ops_->copy(view_.data, from.view_.data, sizeof(T) * static_cast<size_t>(rows * view_.columns));
  }
  size_t bytes() const { return sizeof(T) * static_cast<size_t>(view_.size()); }

 private:
  std::shared_ptr<Ops> ops_;
  View<T> view_;
};
using Buffer = BasicBuffer<float>;
using IdBuffer = BasicBuffer<int32_t>;

// The same of a matrix whose type is known when it is made. Not of blocks.
class MatrixBuffer {
 public:
  MatrixBuffer() = default;
  MatrixBuffer(std::shared_ptr<Ops> ops, WeightType type, int64_t rows, int64_t columns)
      : memory_(std::move(ops), rows, row_bytes(type, columns)), type_(type), columns_(columns) {}
  WeightMatrix view() const { return {type_, memory_.view().data, memory_.view().rows, columns_}; }
  operator WeightMatrix() const { return view(); }
  void copy_rows(const MatrixBuffer& from, int64_t rows) { memory_.copy_rows(from.memory_, rows); }  // of its type

 private:
  BasicBuffer<std::byte> memory_;
  WeightType type_ = WeightType::f32;
  int64_t columns_ = 0;
};

}  // namespace stemma

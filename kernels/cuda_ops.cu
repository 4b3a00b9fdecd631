// Assembles the CUDA twins into the contract, with the plugin's C interface.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

#include "kernels/cuda_kernels.cuh"
#include "kernels/cuda_plugin.h"
#include "kernels/linear/multiplier.cuh"
#include "kernels/recording.cuh"

namespace stemma::cuda {
namespace {

constexpr int64_t products_bytes = 256 << 20;  // of segments' products held at once

// Device memory that only grows.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  ~Scratch() { cudaFree(memory_); }

  void* at_least(size_t bytes) {
    if (bytes <= bytes_) return memory_;
    check(cudaDeviceSynchronize(), "allocating scratch memory");  // queued work may still use the old one
    cudaFree(std::exchange(memory_, nullptr));
    bytes_ = 0;
    ++growths_;
    check(cudaMalloc(&memory_, bytes), "allocating scratch memory");
    bytes_ = bytes;
    return memory_;
  }
  uint64_t growths() const { return growths_; }

 private:
  void* memory_ = nullptr;
  size_t bytes_ = 0;
  uint64_t growths_ = 0;
};

class CudaOps final : public Ops {
 public:
  explicit CudaOps(int index) : index_(index) {
    cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, index_), "asking for the device's properties");
    name_ = "cuda:" + std::to_string(index_) + " (" + properties.name + ")";
    try {
      start();
    } catch (const std::exception& error) {
      close();
      throw std::runtime_error(name_ + " cannot be used: " + error.what());
    }
  }
  ~CudaOps() override {
    cudaSetDevice(index_);
    close();
  }

  std::string device() const override { return name_; }

  Memory memory() const override {
    size_t available = 0, total = 0;
    check(cudaSetDevice(index_), "choosing the device");
    check(cudaMemGetInfo(&available, &total), "asking for memory");
    return {static_cast<double>(available), static_cast<double>(total)};
  }
  void* allocate(size_t bytes) override {
    use();
    void* allocated = nullptr;
    const cudaError_t status = cudaMalloc(&allocated, std::max<size_t>(bytes, 1));
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      const Memory there = memory();
      throw std::runtime_error(name_ + " has no room for " + mebibytes(static_cast<double>(bytes)) + " more: " +
                               mebibytes(there.free) + " of " + mebibytes(there.total) + " are free");
    }
    check(status, "allocating memory");
    return allocated;
  }
  void release(void* memory) noexcept override {
    cudaSetDevice(index_);
    cudaStreamSynchronize(stream_);
    cudaFree(memory);
    ++releases_;
  }
  void upload(void* device, const void* host, size_t bytes) override {
    transfer(device, host, bytes, cudaMemcpyHostToDevice);
  }
  void download(void* host, const void* device, size_t bytes) override {
    transfer(host, device, bytes, cudaMemcpyDeviceToHost);
  }
  void copy(void* to, const void* from, size_t bytes) override {
    if (bytes) check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, use()), "copying memory");
  }
  void zero(void* memory, size_t bytes) override {
    if (bytes) check(cudaMemsetAsync(memory, 0, bytes, use()), "zeroing memory");
  }
  void repeat(std::unique_ptr<Recording>& recording, const std::function<void()>& calls) override {
    auto* known = static_cast<GraphRecording*>(recording.get());
    if (known && known->is_of(memory_given_back())) return known->repeat(calls, use());
    calls();
    recording = std::make_unique<GraphRecording>(memory_given_back());
  }

  bool takes(WeightType type) const override {
    return type == WeightType::f32 || type == WeightType::bf16 || type == WeightType::f16;
  }
  using Ops::linear;
  void linear(Tensor x, std::span<const Product> products) override {
    use();
    cuda::linear(x, products, scratch_.at_least(2 * static_cast<size_t>(x.size())), *multiplier_);
  }
  void linear_backward(Tensor y_gradient, WeightMatrix w, Tensor x_gradient, bool add) override {
    use();
    cuda::linear_backward(y_gradient, w, x_gradient, add,
                          scratch_.at_least(2 * static_cast<size_t>(y_gradient.size())), *multiplier_);
  }
  bool multiplies_bf16() const override { return true; }  // as all devices do that the plugin is compiled for
  void round(Tensor x, WeightMatrix y) override { cuda::round(x, y, use()); }
  using Ops::embed;
  void embed(Ids ids, WeightMatrix table, Tensor out) override { cuda::embed(ids, table, out, use()); }
  void embed_backward(Ids ids, Tensor out_gradient, Tensor table_gradient) override {
    cuda::embed_backward(ids, out_gradient, table_gradient, use());
  }

  void rms_norm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverse_rms) override {
    cuda::rms_norm(x, weight, epsilon, y, inverse_rms, use());
  }
  void rms_norm_backward(Tensor x, Tensor weight, Tensor inverse_rms, Tensor y_gradient, Tensor x_gradient,
                         Tensor weight_gradient) override {
    cuda::rms_norm_backward(x, weight, inverse_rms, y_gradient, x_gradient, weight_gradient, use());
  }
  void rms_norm_tangent(Tensor x, Tensor weight, Tensor inverse_rms, Tensor x_tangent, Tensor y_tangent) override {
    cuda::rms_norm_tangent(x, weight, inverse_rms, x_tangent, y_tangent, use());
  }

  void layer_norm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y, Tensor statistics) override {
    cuda::layer_norm(x, weight, bias, epsilon, y, statistics, use());
  }
  void layer_norm_backward(Tensor x, Tensor weight, Tensor statistics, Tensor y_gradient, Tensor x_gradient,
                           Tensor weight_gradient, Tensor bias_gradient) override {
    cuda::layer_norm_backward(x, weight, statistics, y_gradient, x_gradient, weight_gradient, bias_gradient, use());
  }
  void layer_norm_tangent(Tensor x, Tensor weight, Tensor statistics, Tensor x_tangent, Tensor y_tangent) override {
    cuda::layer_norm_tangent(x, weight, statistics, x_tangent, y_tangent, use());
  }

  void rope(Tensor x, Ids positions, Tensor table, int head_width, Rotation rotation) override {
    cuda::rope(x, positions, table, head_width, rotation, use());
  }

  using Ops::attention;
  void attention(Tensor q, WeightMatrix k, WeightMatrix v, std::span<const Segment> segments, Heads heads, Tensor z,
                 Tensor log_sum) override {
    use();
    cuda::attention(q, k, v, on_device(segments), heads, z, log_sum, stream_);
  }
  void attention_step(Tensor q, Tensor k, Tensor v, Ids places, std::span<const Text> texts, Heads heads, Tensor z,
                      Tensor log_sum) override {
    use();
    auto* kept = static_cast<float*>(scratch_.at_least(cuda::attention_step_bytes(texts, heads)));
    cuda::attention_step(q, k, v, places, texts, heads, z, log_sum, kept, stream_);
  }
  size_t attention_step_bytes(int64_t texts, int64_t room, Heads heads) const override {
    return cuda::attention_step_bytes(texts, room, heads);
  }
  void attention_backward(Tensor q, Tensor k, Tensor v, Tensor z, Tensor log_sum, Tensor z_gradient,
                          std::span<const Segment> segments, Heads heads, Tensor q_gradient, Tensor k_gradient,
                          Tensor v_gradient) override {
    use();
    auto* delta = static_cast<float*>(scratch_.at_least(static_cast<size_t>(q.rows) * heads.query * sizeof(float)));
    cuda::attention_backward(q, k, v, z, log_sum, z_gradient, on_device(segments), heads, q_gradient, k_gradient,
                             v_gradient, delta, stream_);
  }
  void attention_tangent(Tensor q, Tensor k, Tensor v, Tensor log_sum, Tensor q_tangent, Tensor k_tangent,
                         Tensor v_tangent, std::span<const Segment> segments, Heads heads, Tensor z_tangent) override {
    use();
    cuda::attention_tangent(q, k, v, log_sum, q_tangent, k_tangent, v_tangent, on_device(segments), heads, z_tangent,
                            stream_);
  }

  void attention_means(Tensor q, WeightMatrix k, Tensor log_sum, Ids bounds, Heads heads, Tensor means) override {
    cuda::attention_means(q, k, log_sum, bounds, heads, means, use());
  }

  void attention_weights(Tensor q, WeightMatrix k, Heads heads, Tensor weights) override {
    cuda::attention_weights(q, k, heads, weights, use());
  }

  void swiglu(Tensor gate, Tensor up, Tensor out) override { cuda::swiglu(gate, up, out, use()); }
  void swiglu_backward(Tensor gate, Tensor up, Tensor out_gradient, Tensor gate_gradient, Tensor up_gradient) override {
    cuda::swiglu_backward(gate, up, out_gradient, gate_gradient, up_gradient, use());
  }
  void swiglu_tangent(Tensor gate, Tensor up, Tensor gate_tangent, Tensor up_tangent, Tensor out_tangent) override {
    cuda::swiglu_tangent(gate, up, gate_tangent, up_tangent, out_tangent, use());
  }

  void gelu(Gelu kind, Tensor x, Tensor up, Tensor out) override { cuda::gelu(kind, x, up, out, use()); }
  void gelu_backward(Gelu kind, Tensor x, Tensor up, Tensor out_gradient, Tensor x_gradient,
                     Tensor up_gradient) override {
    cuda::gelu_backward(kind, x, up, out_gradient, x_gradient, up_gradient, use());
  }
  void gelu_tangent(Gelu kind, Tensor x, Tensor up, Tensor x_tangent, Tensor up_tangent, Tensor out_tangent) override {
    cuda::gelu_tangent(kind, x, up, x_tangent, up_tangent, out_tangent, use());
  }

  void add_bias(Tensor bias, Tensor y) override { cuda::add_bias(bias, y, use()); }
  void add_bias_backward(Tensor y_gradient, Tensor bias_gradient) override {
    cuda::add_bias_backward(y_gradient, bias_gradient, use());
  }
  void soft_cap(Tensor x, float cap) override { cuda::soft_cap(x, cap, use()); }
  void soft_cap_backward(Tensor y, float cap, Tensor gradient) override {
    cuda::soft_cap_backward(y, cap, gradient, use());
  }
  void clip(Tensor x, float limit) override { cuda::clip(x, limit, use()); }
  void clip_backward(Tensor y, float limit, Tensor gradient) override { cuda::clip_backward(y, limit, gradient, use()); }

  void matmul(Tensor a, bool transpose_a, Tensor b, bool transpose_b, Tensor c, float alpha, float beta) override {
    use();
    multiplier_->multiply({a, transpose_a}, {b, transpose_b}, c, alpha, beta);
  }
  void gram(Tensor x, Tensor c) override { matmul(x, true, x, false, c, 1, 1); }
  void segment_outer(Tensor a, Tensor b, std::span<const Segment> segments, Tensor products) override {
    use();
    cuda::segment_outer(a, b, segments, products, *multiplier_);
  }
  void segment_scores(Tensor g, Tensor a, std::span<const Segment> segments, Tensor queries, Tensor scores) override {
    each_products(g, a, segments, [&](Tensor products, int64_t first, int64_t last) {
      multiplier_->multiply({products, false}, {queries, true}, scores.slice(first, last), 1, 1);
    });
  }
  void segment_squares(Tensor g, Tensor a, std::span<const Segment> segments, Tensor total) override {
    each_products(g, a, segments, [&](Tensor products, int64_t, int64_t) { cuda::add_squares(products, total, stream_); });
  }
  void add(Tensor x, Tensor y, float scale) override { cuda::add(x, y, scale, use()); }

  void cross_entropy(Tensor logits, Ids targets, float weight, Tensor losses) override {
    cuda::cross_entropy(logits, targets, weight, losses, use());
  }
  void sample_targets(Tensor logits, Tensor uniforms, Ids targets) override {
    cuda::sample_targets(logits, uniforms, targets, use());
  }

  void adamw(Tensor parameter, Tensor gradient, Tensor first, Tensor second, const AdamW& settings) override {
    cuda::adamw(parameter, gradient, first, second, settings, use());
  }
  double sum_of_squares(Tensor x) override {
    use();
    auto* sums = static_cast<double*>(scratch_.at_least(sum_blocks * sizeof(double)));
    cuda::sum_of_squares(x, sums, stream_);
    double sum = 0;
    download(&sum, sums, sizeof(sum));
    return sum;
  }

  void divide_damped(Tensor x, Tensor d, float damping, Tensor y) override {
    cuda::divide_damped(x, d, damping, y, use());
  }
  void row_dots(Tensor a, Tensor b, Tensor dots) override {
    use();
    const size_t parts = static_cast<size_t>(a.rows) * row_dots_parts(a);
    cuda::row_dots(a, b, dots, static_cast<double*>(scratch_.at_least(parts * sizeof(double))), stream_);
  }
  bool eigenvectors(double* matrix, int64_t n) override { return cuda::eigenvectors(matrix, n, use()); }

 private:
  // Groups of segments' products in scratch memory, as many at a time as keep the device busy.
  template <class Visit>
  void each_products(Tensor g, Tensor a, std::span<const Segment> segments, Visit visit) {
    use();
    const int64_t size = g.columns * a.columns, count = static_cast<int64_t>(segments.size());
    if (size == 0) return;
    const int64_t at_once = std::clamp<int64_t>(products_bytes / static_cast<int64_t>(sizeof(float)) / size, 1, std::max<int64_t>(count, 1));
    for (int64_t first = 0; first < count; first += at_once) {
      const int64_t last = std::min(count, first + at_once);
      auto* memory = static_cast<float*>(scratch_.at_least(static_cast<size_t>(at_once * size) * sizeof(float)));
      const Tensor products{memory, last - first, size};
      cuda::segment_outer(g, a, segments.subspan(static_cast<size_t>(first), static_cast<size_t>(last - first)), products, *multiplier_);
      visit(products, first, last);
    }
  }

  // The current device belongs to the calling thread, and an Ops may move between threads.
  cudaStream_t use() {
    check(cudaSetDevice(index_), "choosing the device");
    return stream_;
  }

  void start() {
    use();
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a stream");
    multiplier_.emplace(stream_, workspace_.at_least(Multiplier::workspace_bytes));
    sum_of_squares({});  // a device older than the architectures of this build has no image of any kernel
  }

  void close() noexcept {
    if (stream_) cudaStreamSynchronize(stream_);
    multiplier_.reset();
    if (stream_) cudaStreamDestroy(std::exchange(stream_, nullptr));
  }

  void transfer(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    if (bytes == 0) return;
    check(cudaMemcpyAsync(to, from, bytes, kind, use()), "copying memory");
    check(cudaStreamSynchronize(stream_), "copying memory");
  }

  // The layers of a model all pass the same segments, so they are sent once. Waiting before they change keeps both
  // copies alive for work that is queued.
  SegmentList on_device(std::span<const Segment> segments) {
    if (segments.empty()) return {};
    const size_t bytes = segments.size_bytes();
    if (sent_.size() != segments.size() || std::memcmp(sent_.data(), segments.data(), bytes) != 0) {
      check(cudaStreamSynchronize(stream_), "attention");
      sent_.clear();
      void* memory = segments_.at_least(bytes);
      check(cudaMemcpyAsync(memory, segments.data(), bytes, cudaMemcpyHostToDevice, stream_), "sending segments");
      check(cudaStreamSynchronize(stream_), "sending segments");
      sent_.assign(segments.begin(), segments.end());
    }
    SegmentList list{static_cast<const Segment*>(segments_.at_least(0)), static_cast<int>(segments.size())};
    for (const Segment& s : segments) {
      list.longest_query = std::max(list.longest_query, s.query_end - s.query_begin);
      list.longest_key = std::max(list.longest_key, s.key_end - s.key_begin);
    }
    return list;
  }

  uint64_t memory_given_back() const { return releases_ + scratch_.growths() + segments_.growths(); }

  static std::string mebibytes(double bytes) { return std::to_string(std::llround(bytes / (1 << 20))) + " MiB"; }

  int index_;
  std::string name_;
  cudaStream_t stream_ = nullptr;
  Scratch scratch_, segments_, workspace_;
  std::optional<Multiplier> multiplier_;
  uint64_t releases_ = 0;
  std::vector<Segment> sent_;
};

// Says in one sentence why device `index` cannot be had; empty where it can. On an error CUDA leaves the count
// untouched.
std::string missing(int index) {
  int count = 0, version = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  cudaDriverGetVersion(&version);
  const auto dotted = [](int v) { return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10); };
  if (status == cudaErrorInsufficientDriver && version == 0) return "the NVIDIA driver is not installed";
  if (status == cudaErrorInsufficientDriver)
    return "the NVIDIA driver is too old: it serves CUDA " + dotted(version) + ", this plugin needs " +
           dotted(CUDART_VERSION);
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0)) return "the NVIDIA driver sees no device";
  if (status != cudaSuccess) return std::string("the NVIDIA driver does not answer: ") + cudaGetErrorString(status);
  if (index < 0 || index >= count)
    return "there is no device cuda:" + std::to_string(index) + ", the last one is cuda:" + std::to_string(count - 1);
  return "";
}

}  // namespace
}  // namespace stemma::cuda

int stemma_cuda_abi() { return stemma::cuda_plugin_abi; }

stemma::Ops* stemma_cuda_create(int index, char* why, size_t why_bytes) {
  try {
    const std::string reason = stemma::cuda::missing(index);
    if (reason.empty()) return new stemma::cuda::CudaOps(index);
    std::snprintf(why, why_bytes, "%s", reason.c_str());
  } catch (const std::exception& error) {
    std::snprintf(why, why_bytes, "%s", error.what());
  } catch (...) {
    std::snprintf(why, why_bytes, "the plugin failed without a reason");
  }
  return nullptr;
}

void stemma_cuda_destroy(stemma::Ops* ops) {
  delete ops;  // of class CudaOps, whose destructor throws nothing
}

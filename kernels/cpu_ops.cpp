// Assembles the CPU twins into the contract.
#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>

#include "kernels/cpu_kernels.h"
#include "kernels/influence/eigenvectors.h"
#include "kernels/products/bf16_product.h"
#include "kernels/products/interleaved.h"

namespace stemma {
namespace {

void move(void* to, const void* from, size_t bytes) {
  if (bytes) std::memcpy(to, from, bytes);  // of no bytes even a null pointer is fine
}

constexpr size_t huge_page = 2 << 20, large_buffer = 8 << 20;  // bytes
constexpr int64_t zeroed = 256 << 10;                          // by one thread

class CpuOps final : public Ops {
 public:
  std::string device() const override { return "cpu"; }

  Memory memory() const override {
    Memory memory;
    std::ifstream file("/proc/meminfo");
    for (std::string name, unit; file >> name;) {
      double kilobytes = 0;
      if (!(file >> kilobytes)) break;
      std::getline(file, unit);
      if (name == "MemTotal:") memory.total = 1024 * kilobytes;
      if (name == "MemAvailable:") memory.free = 1024 * kilobytes;
    }
    return memory;
  }

  void* allocate(size_t bytes) override {
    const bool large = bytes >= large_buffer;
    const size_t line = large ? huge_page : 64;
    void* memory = std::aligned_alloc(line, (bytes + 64 + line - 1) / line * line);
    if (!memory) throw std::bad_alloc();
    // Weights that stream through are read half as fast again where the processor looks few pages up.
    if (large) madvise(memory, bytes / huge_page * huge_page, MADV_HUGEPAGE);
    return memory;
  }
  void release(void* memory) noexcept override { std::free(memory); }
  void upload(void* device, const void* host, size_t bytes) override { move(device, host, bytes); }
  void download(void* host, const void* device, size_t bytes) override { move(host, device, bytes); }
  void copy(void* to, const void* from, size_t bytes) override { move(to, from, bytes); }
  void zero(void* memory, size_t bytes) override {
    const auto all = static_cast<int64_t>(bytes);
#pragma omp parallel for schedule(static) if (all > zeroed)
    for (int64_t begin = 0; begin < all; begin += zeroed)
      std::memset(static_cast<char*>(memory) + begin, 0, static_cast<size_t>(std::min(zeroed, all - begin)));
  }
  void repeat(std::unique_ptr<Recording>&, const std::function<void()>& calls) override { calls(); }

  bool takes(WeightType) const override { return true; }
  bool interleaves(WeightType type) const override {
    const auto* const multiply = cpu::best_streams().multiply_interleaved;
    return multiply && multiply[static_cast<size_t>(type)];
  }
  void write_rows(std::span<const std::byte> rows, WeightMatrix to, int64_t first) override {
    to.interleaved ? cpu::interleave(rows, to, first, cpu::best_streams()) : Ops::write_rows(rows, to, first);
  }
  void read_rows(WeightMatrix from, int64_t first, std::span<std::byte> rows) override {
    from.interleaved ? cpu::separate(from, first, rows, cpu::best_streams()) : Ops::read_rows(from, first, rows);
  }
  using Ops::linear;
  void linear(Tensor x, std::span<const Product> products) override { cpu::linear(x, products); }
  void linear_backward(Tensor y_gradient, WeightMatrix w, Tensor x_gradient, bool add) override {
    cpu::linear_backward(y_gradient, w, x_gradient, add);
  }
  bool multiplies_bf16() const override { return cpu::multiplies_bf16(); }
  void round(Tensor x, WeightMatrix y) override { cpu::round(x, y); }
  using Ops::embed;
  void embed(Ids ids, WeightMatrix table, Tensor out) override { cpu::embed(ids, table, out); }
  void embed_backward(Ids ids, Tensor out_gradient, Tensor table_gradient) override {
    cpu::embed_backward(ids, out_gradient, table_gradient);
  }
  void rms_norm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverse_rms) override {
    cpu::rms_norm(x, weight, epsilon, y, inverse_rms);
  }
  void rms_norm_backward(Tensor x, Tensor weight, Tensor inverse_rms, Tensor y_gradient, Tensor x_gradient,
                         Tensor weight_gradient) override {
    cpu::rms_norm_backward(x, weight, inverse_rms, y_gradient, x_gradient, weight_gradient);
  }
  void rms_norm_tangent(Tensor x, Tensor weight, Tensor inverse_rms, Tensor x_tangent, Tensor y_tangent) override {
    cpu::rms_norm_tangent(x, weight, inverse_rms, x_tangent, y_tangent);
  }
  void layer_norm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y, Tensor statistics) override {
    cpu::layer_norm(x, weight, bias, epsilon, y, statistics);
  }
  void layer_norm_backward(Tensor x, Tensor weight, Tensor statistics, Tensor y_gradient, Tensor x_gradient,
                           Tensor weight_gradient, Tensor bias_gradient) override {
    cpu::layer_norm_backward(x, weight, statistics, y_gradient, x_gradient, weight_gradient, bias_gradient);
  }
  void layer_norm_tangent(Tensor x, Tensor weight, Tensor statistics, Tensor x_tangent, Tensor y_tangent) override {
    cpu::layer_norm_tangent(x, weight, statistics, x_tangent, y_tangent);
  }
  void rope(Tensor x, Ids positions, Tensor table, int head_width, Rotation rotation) override {
    cpu::rope(x, positions, table, head_width, rotation);
  }
  using Ops::attention;
  void attention(Tensor q, WeightMatrix k, WeightMatrix v, std::span<const Segment> segments, Heads heads, Tensor z,
                 Tensor log_sum) override {
    const Text one[] = {{k, v}};
    cpu::attention(q, one, segments, heads, z, log_sum);
  }
  void attention_step(Tensor q, Tensor k, Tensor v, Ids places, std::span<const Text> texts, Heads heads, Tensor z,
                      Tensor log_sum) override {
    cpu::attention_step(q, k, v, places, texts, heads, z, log_sum);
  }
  size_t attention_step_bytes(int64_t, int64_t, Heads) const override { return 0; }
  void attention_backward(Tensor q, Tensor k, Tensor v, Tensor z, Tensor log_sum, Tensor z_gradient,
                          std::span<const Segment> segments, Heads heads, Tensor q_gradient, Tensor k_gradient,
                          Tensor v_gradient) override {
    cpu::attention_backward(q, k, v, z, log_sum, z_gradient, segments, heads, q_gradient, k_gradient, v_gradient);
  }
  void attention_tangent(Tensor q, Tensor k, Tensor v, Tensor log_sum, Tensor q_tangent, Tensor k_tangent,
                         Tensor v_tangent, std::span<const Segment> segments, Heads heads, Tensor z_tangent) override {
    cpu::attention_tangent(q, k, v, log_sum, q_tangent, k_tangent, v_tangent, segments, heads, z_tangent);
  }
  void attention_means(Tensor q, WeightMatrix k, Tensor log_sum, Ids bounds, Heads heads, Tensor means) override {
    cpu::attention_means(q, k, log_sum, bounds, heads, means);
  }
  void attention_weights(Tensor q, WeightMatrix k, Heads heads, Tensor weights) override {
    cpu::attention_weights(q, k, heads, weights);
  }
  void swiglu(Tensor gate, Tensor up, Tensor out) override { cpu::swiglu(gate, up, out); }
  void swiglu_backward(Tensor gate, Tensor up, Tensor out_gradient, Tensor gate_gradient, Tensor up_gradient) override {
    cpu::swiglu_backward(gate, up, out_gradient, gate_gradient, up_gradient);
  }
  void swiglu_tangent(Tensor gate, Tensor up, Tensor gate_tangent, Tensor up_tangent, Tensor out_tangent) override {
    cpu::swiglu_tangent(gate, up, gate_tangent, up_tangent, out_tangent);
  }
  void gelu(Gelu kind, Tensor x, Tensor up, Tensor out) override { cpu::gelu(kind, x, up, out); }
  void gelu_backward(Gelu kind, Tensor x, Tensor up, Tensor out_gradient, Tensor x_gradient,
                     Tensor up_gradient) override {
    cpu::gelu_backward(kind, x, up, out_gradient, x_gradient, up_gradient);
  }
  void gelu_tangent(Gelu kind, Tensor x, Tensor up, Tensor x_tangent, Tensor up_tangent, Tensor out_tangent) override {
    cpu::gelu_tangent(kind, x, up, x_tangent, up_tangent, out_tangent);
  }
  void add_bias(Tensor bias, Tensor y) override { cpu::add_bias(bias, y); }
  void add_bias_backward(Tensor y_gradient, Tensor bias_gradient) override {
    cpu::add_bias_backward(y_gradient, bias_gradient);
  }
  void soft_cap(Tensor x, float cap) override { cpu::soft_cap(x, cap); }
  void soft_cap_backward(Tensor y, float cap, Tensor gradient) override { cpu::soft_cap_backward(y, cap, gradient); }
  void clip(Tensor x, float limit) override { cpu::clip(x, limit); }
  void clip_backward(Tensor y, float limit, Tensor gradient) override { cpu::clip_backward(y, limit, gradient); }
  void matmul(Tensor a, bool transpose_a, Tensor b, bool transpose_b, Tensor c, float alpha, float beta) override {
    cpu::matmul(a, transpose_a, b, transpose_b, c, alpha, beta);
  }
  void gram(Tensor x, Tensor c) override { cpu::gram(x, c); }
  void segment_outer(Tensor a, Tensor b, std::span<const Segment> segments, Tensor products) override {
    cpu::segment_outer(a, b, segments, products);
  }
  void segment_scores(Tensor g, Tensor a, std::span<const Segment> segments, Tensor queries, Tensor scores) override {
    cpu::segment_scores(g, a, segments, queries, scores);
  }
  void segment_squares(Tensor g, Tensor a, std::span<const Segment> segments, Tensor total) override {
    cpu::segment_squares(g, a, segments, total);
  }
  void add(Tensor x, Tensor y, float scale) override { cpu::add(x, y, scale); }
  void cross_entropy(Tensor logits, Ids targets, float weight, Tensor losses) override {
    cpu::cross_entropy(logits, targets, weight, losses);
  }
  void sample_targets(Tensor logits, Tensor uniforms, Ids targets) override {
    cpu::sample_targets(logits, uniforms, targets);
  }
  void adamw(Tensor parameter, Tensor gradient, Tensor first, Tensor second, const AdamW& settings) override {
    cpu::adamw(parameter, gradient, first, second, settings);
  }
  double sum_of_squares(Tensor x) override { return cpu::sum_of_squares(x); }
  void divide_damped(Tensor x, Tensor d, float damping, Tensor y) override { cpu::divide_damped(x, d, damping, y); }
  void row_dots(Tensor a, Tensor b, Tensor dots) override { cpu::row_dots(a, b, dots); }
  bool eigenvectors(double* matrix, int64_t n) override { return stemma::eigenvectors(matrix, n); }
};

}  // namespace

std::shared_ptr<Ops> make_cpu_ops() {
  // Buffers of a few megabytes come and go with every batch: keep their pages instead of clearing new ones each time.
  mallopt(M_MMAP_THRESHOLD, 256 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  return std::make_shared<CpuOps>();
}

}  // namespace stemma

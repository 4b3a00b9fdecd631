#include "kernels/products/bf16_product.h"

#include <algorithm>
#include <dnnl.hpp>

#include "kernels/cpu_kernels.h"
#include "kernels/half.h"
#include "kernels/scratch.h"

namespace stemma::cpu {
namespace {

STEMMA_CLONES void round_span(const float* x, uint16_t* y, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = bf16_of(x[i]);
}
STEMMA_CLONES void halve_span(const float* x, uint16_t* y, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = half_of(x[i]);
}

const dnnl::engine& processor() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

// For any shape: oneDNN compiles and keeps a product of every shape that it is told beforehand, and batches come with
// ever other rows. As fast as those where there are more than a few rows.
dnnl::matmul make_product(bool transpose_b, bool add) {
  using namespace dnnl;
  using Type = memory::data_type;
  using Tag = memory::format_tag;
  const memory::dims any = {DNNL_RUNTIME_DIM_VAL, DNNL_RUNTIME_DIM_VAL};
  const memory::desc a(any, Type::bf16, Tag::ab), b(any, Type::bf16, transpose_b ? Tag::ba : Tag::ab),
      c(any, Type::f32, Tag::ab);
  primitive_attr attributes;
  if (add) {
    post_ops sum;
    sum.append_sum(1);
    attributes.set_post_ops(sum);
  }
  return dnnl::matmul(dnnl::matmul::primitive_desc(dnnl::matmul::desc(a, b, c), attributes, processor()));
}

}  // namespace

bool multiplies_bf16() {
#if defined(__x86_64__)
  static const bool does = __builtin_cpu_supports("avx512bf16");
  return does;
#else
  return false;
#endif
}

void round(Tensor x, WeightMatrix y) {
#pragma omp parallel for schedule(static) if (x.rows > 1 && x.size() >= shared_from)
  for (int64_t i = 0; i < x.rows; ++i)
    if (y.type == WeightType::f32)
      std::copy_n(x.row(i), x.columns, reinterpret_cast<float*>(y.row(i)));
    else
      (y.type == WeightType::bf16 ? round_span : halve_span)(x.row(i), reinterpret_cast<uint16_t*>(y.row(i)),
                                                             x.columns);
}

uint16_t* rounded_rows(Tensor x) {
  thread_local Scratch kept;
  const View<uint16_t> rounded{kept.make<uint16_t>(x.size()), x.rows, x.columns};
  round(x, matrix_of(rounded));
  return rounded.data;
}

void product_bf16(uint16_t* a, std::byte* b, bool transpose_b, int64_t k, Tensor c, bool add) {
  using namespace dnnl;
  // Of the thread, as oneDNN's scratch memory is.
  thread_local const dnnl::matmul products[2][2] = {{make_product(false, false), make_product(false, true)},
                                                    {make_product(true, false), make_product(true, true)}};
  thread_local stream in_order(processor());
  using Type = memory::data_type;
  using Tag = memory::format_tag;
  memory left({{c.rows, k}, Type::bf16, Tag::ab}, processor(), a),
      right({{k, c.columns}, Type::bf16, transpose_b ? Tag::ba : Tag::ab}, processor(), b),
      out({{c.rows, c.columns}, Type::f32, Tag::ab}, processor(), c.data);
  products[transpose_b][add].execute(in_order, {{DNNL_ARG_SRC, left}, {DNNL_ARG_WEIGHTS, right}, {DNNL_ARG_DST, out}});
  in_order.wait();
}

}  // namespace stemma::cpu

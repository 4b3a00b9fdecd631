#include "kernels/cuda_kernels.cuh"
#include "kernels/linear/multiplier.cuh"

namespace stemma::cuda {
namespace {

constexpr size_t most_plans = 4096;  // half a kilobyte each; texts of every length come by

void check(cublasStatus_t status, const char* doing) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw std::runtime_error(std::string("cuBLASLt failed in ") + doing + ": " + cublasLtGetStatusString(status));
}

__global__ void scale_kernel(Tensor c, float beta) {
  for (int64_t i = first_index(); i < size_of(c); i += index_stride()) c.data[i] = beta == 0 ? 0 : beta * c.data[i];
}

uint32_t alignment_of(const void* data) {
  const auto address = reinterpret_cast<uintptr_t>(data) | 256;  // more is not asked for
  return static_cast<uint32_t>(address & -address);
}

}  // namespace

Multiplier::Multiplier(cudaStream_t stream, void* workspace) : stream_(stream), workspace_(workspace) {
  check(cublasLtCreate(&handle_), "starting");
}
Multiplier::~Multiplier() { cublasLtDestroy(handle_); }

// cuBLASLt sees a row-major matrix as its transpose, so it is asked for c^T = op(b)^T op(a)^T.
void Multiplier::multiply(const Factor& a, const Factor& b, Tensor c, float alpha, float beta, int64_t count) {
  if (c.size() == 0 || count == 0) return;
  if (a.rows * a.columns == 0) {
    const Tensor all{c.data, count, c.size()};
    return launch("matmul", scale_kernel, dim3(element_blocks(all.size())), element_threads, 0, stream_, all, beta);
  }
  const auto operand = [](const Factor& f) {
    return Operand{f.rows, f.columns, f.distance, f.transposed, alignment_of(f.data)};
  };
  const Plan& plan =
      plan_for({operand(a), operand(b), {c.rows, c.columns, c.size(), false, alignment_of(c.data)}, a.type, count});
  auto [operation, of_a, of_b, of_c, algorithm] = plan;  // cuBLASLt's parameters are not const
  check(cublasLtMatmul(handle_, &operation, &alpha, b.data, &of_b, a.data, &of_a, &beta, c.data, &of_c, c.data, &of_c,
                       &algorithm, workspace_, workspace_bytes, stream_),
        "a product");
}

const Multiplier::Plan& Multiplier::plan_for(const Question& question) {
  if (const auto known = plans_.find(question); known != plans_.end()) return known->second;
  if (plans_.size() == most_plans) plans_.clear();
  return plans_.emplace(question, make_plan(question)).first->second;
}

Multiplier::Plan Multiplier::make_plan(const Question& question) const {
  Plan plan;
  const auto describe = [&](cublasLtMatrixLayout_t layout, const Operand& x, cudaDataType type) {
    const auto count = static_cast<int32_t>(question.count);
    check(cublasLtMatrixLayoutInit(layout, type, x.columns, x.rows, x.columns), "planning");
    check(cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count),
          "planning");
    check(cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &x.distance,
                                           sizeof x.distance),
          "planning");
  };
  describe(&plan.a, question.a, question.type);
  describe(&plan.b, question.b, question.type);
  describe(&plan.c, question.c, CUDA_R_32F);

  // Pedantic: f32 stays f32, whatever the environment asks for.
  const cublasComputeType_t sums = question.type == CUDA_R_32F ? CUBLAS_COMPUTE_32F_PEDANTIC : CUBLAS_COMPUTE_32F;
  check(cublasLtMatmulDescInit(&plan.operation, sums, CUDA_R_32F), "planning");
  const auto turn = [&](cublasLtMatmulDescAttributes_t which, bool transposed) {
    const int32_t operation = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    check(cublasLtMatmulDescSetAttribute(&plan.operation, which, &operation, sizeof operation), "planning");
  };
  turn(CUBLASLT_MATMUL_DESC_TRANSA, question.b.transposed);
  turn(CUBLASLT_MATMUL_DESC_TRANSB, question.a.transposed);

  cublasLtMatmulPreferenceOpaque_t preference;
  check(cublasLtMatmulPreferenceInit(&preference), "planning");
  const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t which, auto value) {
    check(cublasLtMatmulPreferenceSetAttribute(&preference, which, &value, sizeof value), "planning");
  };
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t{workspace_bytes});
  prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, question.b.alignment);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, question.a.alignment);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, question.c.alignment);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, question.c.alignment);

  cublasLtMatmulHeuristicResult_t best;
  int found = 0;
  check(cublasLtMatmulAlgoGetHeuristic(handle_, &plan.operation, &plan.b, &plan.a, &plan.c, &plan.c, &preference, 1,
                                       &best, &found),
        "planning");
  check(found ? best.state : CUBLAS_STATUS_NOT_SUPPORTED, "planning");
  plan.algorithm = best.algo;
  return plan;
}

}  // namespace stemma::cuda

// Products of matrices on one stream, by cuBLASLt: all that the plugin asks for.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime.h>

#include <compare>
#include <map>

#include "kernels/ops.h"

namespace stemma::cuda {

// A factor of a product, row-major in memory; of many products at once, `distance` numbers apart.
struct Factor {
  Factor(const void* data, cudaDataType type, int64_t rows, int64_t columns, bool transposed, int64_t distance = 0)
      : data(data), type(type), rows(rows), columns(columns), transposed(transposed), distance(distance) {}
  Factor(Tensor x, bool transposed, int64_t distance = 0)
      : Factor(x.data, CUDA_R_32F, x.rows, x.columns, transposed, distance) {}

  const void* data;
  cudaDataType type;  // CUDA_R_32F, CUDA_R_16BF or CUDA_R_16F
  int64_t rows, columns;
  bool transposed;
  int64_t distance;
};

// The same call gives the same bits: an algorithm is found by what is asked alone, not by trying, and sums that are
// made in parts are kept apart in f32 and added in one order.
class Multiplier {
 public:
  static constexpr size_t workspace_bytes = 32 << 20;  // what NVIDIA recommends for a Hopper

  // `workspace`, of that many bytes on the device, is kept in use: no call takes memory, so graphs may record them.
  Multiplier(cudaStream_t stream, void* workspace);
  ~Multiplier();
  Multiplier(const Multiplier&) = delete;
  cudaStream_t stream() const { return stream_; }

  // c = alpha a b + beta c, a and b of one type, each transposed where asked; of f32 without TF32, of 16 bits with sums
  // in f32. `count` products: their c lie one behind the other from `c` on.
  void multiply(const Factor& a, const Factor& b, Tensor c, float alpha, float beta, int64_t count = 1);

 private:
  struct Operand {
    int64_t rows, columns, distance;
    bool transposed;
    uint32_t alignment;  // of its address, in bytes
    auto operator<=>(const Operand&) const = default;
  };
  struct Question {
    Operand a, b, c;
    cudaDataType type;
    int64_t count;
    auto operator<=>(const Question&) const = default;
  };
  struct Plan {
    cublasLtMatmulDescOpaque_t operation;
    cublasLtMatrixLayoutOpaque_t a, b, c;
    cublasLtMatmulAlgo_t algorithm;
  };
  const Plan& plan_for(const Question& question);
  Plan make_plan(const Question& question) const;

  cudaStream_t stream_;
  void* workspace_;
  cublasLtHandle_t handle_ = nullptr;
  std::map<Question, Plan> plans_;
};

}  // namespace stemma::cuda

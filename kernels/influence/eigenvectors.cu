#include <cusolverDn.h>

#include <cstddef>
#include <vector>

#include "kernels/cuda_kernels.cuh"

namespace stemma::cuda {
namespace {

void check(cusolverStatus_t status) {
  if (status == CUSOLVER_STATUS_SUCCESS) return;
  throw std::runtime_error("cuSOLVER failed in eigenvectors: status " + std::to_string(static_cast<int>(status)));
}

struct Solver {
  Solver() { check(cusolverDnCreate(&handle)); }
  ~Solver() { cusolverDnDestroy(handle); }
  Solver(const Solver&) = delete;
  cusolverDnHandle_t handle = nullptr;
};

// Given back at once: a wide matrix and what is needed beside it are gigabytes.
struct Memory {
  explicit Memory(size_t bytes) { cuda::check(cudaMalloc(&data, bytes), "eigenvectors"); }
  ~Memory() { cudaFree(data); }
  Memory(const Memory&) = delete;
  void* data = nullptr;
};

}  // namespace

bool eigenvectors(double* matrix, int64_t n, cudaStream_t stream) {
  if (n == 0) return true;
  const Solver solver;
  check(cusolverDnSetStream(solver.handle, stream));
  size_t work_bytes = 0, host_bytes = 0;
  check(cusolverDnXsyevd_bufferSize(solver.handle, nullptr, CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_UPPER, n,
                                    CUDA_R_64F, nullptr, n, CUDA_R_64F, nullptr, CUDA_R_64F, &work_bytes, &host_bytes));
  const size_t row = static_cast<size_t>(n) * sizeof(double), size = row * static_cast<size_t>(n);
  const Memory a(size), values(row), info(sizeof(int)), work(std::max<size_t>(1, work_bytes));
  std::vector<std::byte> host(host_bytes);
  int failed = 0;
  cuda::check(cudaMemcpyAsync(a.data, matrix, size, cudaMemcpyHostToDevice, stream), "eigenvectors");
  check(cusolverDnXsyevd(solver.handle, nullptr, CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_UPPER, n, CUDA_R_64F,
                         a.data, n, CUDA_R_64F, values.data, CUDA_R_64F, work.data, work_bytes, host.data(), host_bytes,
                         static_cast<int*>(info.data)));
  cuda::check(cudaMemcpyAsync(&failed, info.data, sizeof failed, cudaMemcpyDeviceToHost, stream), "eigenvectors");
  cuda::check(cudaMemcpyAsync(matrix, a.data, size, cudaMemcpyDeviceToHost, stream), "eigenvectors");
  cuda::check(cudaStreamSynchronize(stream), "eigenvectors");
  return failed == 0;  // cuSOLVER's columns are our rows
}

}  // namespace stemma::cuda

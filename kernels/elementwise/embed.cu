#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "kernels/cuda_kernels.cuh"

namespace stemma::cuda {
namespace {

template <class Number>
__global__ void embed_kernel(Ids ids, const Number* table, Tensor out) {
  const int64_t n = blockIdx.x;
  const Number* from = table + ids.data[n] * out.columns;
  for (int64_t c = threadIdx.x; c < out.columns; c += blockDim.x) row_of(out, n)[c] = static_cast<float>(from[c]);
}

// The block of an id's first row adds all rows of that id, in their order; the blocks of its other rows leave. Looking
// at all ids from every block is quadratic, but in numbers that the cache holds, and needs no sorting and no atomics.
__global__ void embed_backward_kernel(Ids ids, Tensor out_gradient, Tensor table_gradient) {
  __shared__ unsigned found[32];
  const int64_t n = blockIdx.x;
  const int32_t id = ids.data[n];
  bool seen = false;
  for (int64_t m = threadIdx.x; m < n && !seen; m += blockDim.x) seen = ids.data[m] == id;
  if (__syncthreads_or(seen)) return;

  float* sum = row_of(table_gradient, id);
  for (int64_t base = n; base < ids.rows; base += blockDim.x) {
    const int64_t m = base + threadIdx.x;
    const unsigned matches = __ballot_sync(every_lane, m < ids.rows && ids.data[m] == id);
    if (threadIdx.x % 32 == 0) found[threadIdx.x / 32] = matches;
    __syncthreads();
    for (int warp = 0; warp < blockDim.x / 32; ++warp)
      for (unsigned left = found[warp]; left; left &= left - 1) {
        const float* from = row_of(out_gradient, base + warp * 32 + __ffs(left) - 1);
        for (int64_t c = threadIdx.x; c < out_gradient.columns; c += blockDim.x) sum[c] += from[c];
      }
    __syncthreads();
  }
}

}  // namespace

void embed(Ids ids, const WeightMatrix& table, Tensor out, cudaStream_t stream) {
  const auto start = [&](const auto* numbers) {
    launch("embed", embed_kernel<std::remove_cvref_t<decltype(*numbers)>>, dim3(out.rows), row_threads(out.columns), 0,
           stream, ids, numbers, out);
  };
  if (table.type == WeightType::bf16)
    start(reinterpret_cast<const __nv_bfloat16*>(table.data));
  else if (table.type == WeightType::f16)
    start(reinterpret_cast<const __half*>(table.data));
  else
    start(numbers_of(table).data);
}

void embed_backward(Ids ids, Tensor out_gradient, Tensor table_gradient, cudaStream_t stream) {
  launch("embed_backward", embed_backward_kernel, dim3(ids.rows), 256, 0, stream, ids, out_gradient, table_gradient);
}

}  // namespace stemma::cuda

#include "kernels/cuda_kernels.cuh"

namespace stemma::cuda {
namespace {

__global__ void add_bias_kernel(Tensor bias, Tensor y) {
  for (int64_t i = first_index(); i < size_of(y); i += index_stride()) y.data[i] += bias.data[i % y.columns];
}

__global__ void bias_gradient_kernel(Tensor y_gradient, Tensor bias_gradient) {
  __shared__ float parts[column_warps][32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int64_t c = static_cast<int64_t>(blockIdx.x) * 32 + lane;
  float sum = 0;
  if (c < y_gradient.columns)
    for (int64_t n = warp; n < y_gradient.rows; n += column_warps) sum += row_of(y_gradient, n)[c];
  parts[warp][lane] = sum;
  __syncthreads();
  if (warp > 0 || c >= y_gradient.columns) return;
  for (int i = 1; i < column_warps; ++i) sum += parts[i][lane];
  bias_gradient.data[c] += sum;
}

__global__ void soft_cap_kernel(Tensor x, float cap) {
  for (int64_t i = first_index(); i < size_of(x); i += index_stride()) x.data[i] = cap * tanhf(x.data[i] / cap);
}

__global__ void soft_cap_backward_kernel(Tensor y, float cap, Tensor gradient) {
  for (int64_t i = first_index(); i < size_of(y); i += index_stride()) {
    const float part = y.data[i] / cap;
    gradient.data[i] *= 1 - part * part;
  }
}

__global__ void clip_kernel(Tensor x, float limit) {
  for (int64_t i = first_index(); i < size_of(x); i += index_stride())
    x.data[i] = x.data[i] < -limit ? -limit : (x.data[i] > limit ? limit : x.data[i]);
}

__global__ void clip_backward_kernel(Tensor y, float limit, Tensor gradient) {
  for (int64_t i = first_index(); i < size_of(y); i += index_stride())
    if (!(y.data[i] > -limit && y.data[i] < limit)) gradient.data[i] = 0;
}

}  // namespace

void add_bias(Tensor bias, Tensor y, cudaStream_t stream) {
  launch("add_bias", add_bias_kernel, dim3(element_blocks(y.size())), element_threads, 0, stream, bias, y);
}

void add_bias_backward(Tensor y_gradient, Tensor bias_gradient, cudaStream_t stream) {
  launch("add_bias_backward", bias_gradient_kernel, dim3(divide_up(y_gradient.columns, 32)), column_warps * 32, 0,
         stream, y_gradient, bias_gradient);
}

void soft_cap(Tensor x, float cap, cudaStream_t stream) {
  launch("soft_cap", soft_cap_kernel, dim3(element_blocks(x.size())), element_threads, 0, stream, x, cap);
}

void soft_cap_backward(Tensor y, float cap, Tensor gradient, cudaStream_t stream) {
  launch("soft_cap_backward", soft_cap_backward_kernel, dim3(element_blocks(y.size())), element_threads, 0, stream, y,
         cap, gradient);
}

void clip(Tensor x, float limit, cudaStream_t stream) {
  launch("clip", clip_kernel, dim3(element_blocks(x.size())), element_threads, 0, stream, x, limit);
}

void clip_backward(Tensor y, float limit, Tensor gradient, cudaStream_t stream) {
  launch("clip_backward", clip_backward_kernel, dim3(element_blocks(y.size())), element_threads, 0, stream, y, limit,
         gradient);
}

}  // namespace stemma::cuda

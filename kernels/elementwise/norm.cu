#include "kernels/cuda_kernels.cuh"

namespace stemma::cuda {
namespace {

__global__ void rms_norm_kernel(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverse_rms) {
  const int64_t n = blockIdx.x;
  const float* from = row_of(x, n);
  float squares = 0;
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x) squares += from[c] * from[c];
  const float inverse = 1 / sqrtf(block_sum(squares) / x.columns + epsilon);
  if (threadIdx.x == 0) inverse_rms.data[n] = inverse;
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x) row_of(y, n)[c] = from[c] * inverse * weight.data[c];
}

__global__ void rms_norm_x_gradient_kernel(Tensor x, Tensor weight, Tensor inverse_rms, Tensor y_gradient, Tensor x_gradient) {
  const int64_t n = blockIdx.x;
  const float* from = row_of(x, n);
  const float* above = row_of(y_gradient, n);
  const float inverse = inverse_rms.data[n];
  float along = 0;
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x) along += above[c] * weight.data[c] * from[c];
  along = block_sum(along) * inverse * inverse / x.columns;
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x)
    row_of(x_gradient, n)[c] += inverse * (above[c] * weight.data[c] - from[c] * along);
}

__global__ void rms_norm_tangent_kernel(Tensor x, Tensor weight, Tensor inverse_rms, Tensor x_tangent, Tensor y_tangent) {
  const int64_t n = blockIdx.x;
  const float *from = row_of(x, n), *moved = row_of(x_tangent, n);
  const float inverse = inverse_rms.data[n];
  float along = 0;
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x) along += from[c] * moved[c];
  along = block_sum(along) * inverse * inverse / x.columns;
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x)
    row_of(y_tangent, n)[c] = weight.data[c] * inverse * (moved[c] - from[c] * along);
}

__global__ void weight_gradient_kernel(Tensor x, Tensor inverse_rms, Tensor y_gradient, Tensor weight_gradient) {
  __shared__ float parts[column_warps][32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int64_t c = static_cast<int64_t>(blockIdx.x) * 32 + lane;
  float sum = 0;
  if (c < x.columns)
    for (int64_t n = warp; n < x.rows; n += column_warps)
      sum += row_of(y_gradient, n)[c] * row_of(x, n)[c] * inverse_rms.data[n];
  parts[warp][lane] = sum;
  __syncthreads();
  if (warp > 0 || c >= x.columns) return;
  for (int i = 1; i < column_warps; ++i) sum += parts[i][lane];
  weight_gradient.data[c] += sum;
}

}  // namespace

void rms_norm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverse_rms, cudaStream_t stream) {
  launch("rms_norm", rms_norm_kernel, dim3(x.rows), row_threads(x.columns), 0, stream, x, weight, epsilon, y,
         inverse_rms);
}

void rms_norm_backward(Tensor x, Tensor weight, Tensor inverse_rms, Tensor y_gradient, Tensor x_gradient,
                       Tensor weight_gradient, cudaStream_t stream) {
  launch("rms_norm_backward", rms_norm_x_gradient_kernel, dim3(x.rows), row_threads(x.columns), 0, stream, x, weight,
         inverse_rms, y_gradient, x_gradient);
  if (!weight_gradient) return;
  launch("rms_norm_backward", weight_gradient_kernel, dim3(divide_up(x.columns, 32)), column_warps * 32, 0, stream, x,
         inverse_rms, y_gradient, weight_gradient);
}

void rms_norm_tangent(Tensor x, Tensor weight, Tensor inverse_rms, Tensor x_tangent, Tensor y_tangent,
                      cudaStream_t stream) {
  launch("rms_norm_tangent", rms_norm_tangent_kernel, dim3(x.rows), row_threads(x.columns), 0, stream, x, weight, inverse_rms,
         x_tangent, y_tangent);
}

}  // namespace stemma::cuda

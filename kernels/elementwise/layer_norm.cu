#include "kernels/cuda_kernels.cuh"

namespace stemma::cuda {
namespace {

__global__ void layer_norm_kernel(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y, Tensor statistics) {
  const int64_t n = blockIdx.x;
  const float* from = row_of(x, n);
  float sum = 0, squares = 0;
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x) sum += from[c];
  const float mean = block_sum(sum) / x.columns;
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x) squares += (from[c] - mean) * (from[c] - mean);
  const float inverse = 1 / sqrtf(block_sum(squares) / x.columns + epsilon);
  if (threadIdx.x == 0) row_of(statistics, n)[0] = mean, row_of(statistics, n)[1] = inverse;
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x)
    row_of(y, n)[c] =
        (from[c] - mean) * inverse * (weight.data ? weight.data[c] : 1) + (bias.data ? bias.data[c] : 0);
}

__global__ void layer_norm_x_gradient_kernel(Tensor x, Tensor weight, Tensor statistics, Tensor y_gradient, Tensor x_gradient) {
  const int64_t n = blockIdx.x;
  const float *from = row_of(x, n), *above = row_of(y_gradient, n);
  const float mean = row_of(statistics, n)[0], inverse = row_of(statistics, n)[1];
  const auto scaled = [&](int64_t c) { return above[c] * (weight.data ? weight.data[c] : 1); };
  float sum = 0, along = 0;
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x) {
    sum += scaled(c);
    along += scaled(c) * (from[c] - mean);
  }
  const float shift = block_sum(sum) / x.columns, pull = block_sum(along) * inverse * inverse / x.columns;
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x)
    row_of(x_gradient, n)[c] += inverse * (scaled(c) - shift - (from[c] - mean) * pull);
}

__global__ void layer_norm_tangent_kernel(Tensor x, Tensor weight, Tensor statistics, Tensor x_tangent, Tensor y_tangent) {
  const int64_t n = blockIdx.x;
  const float *from = row_of(x, n), *moved = row_of(x_tangent, n);
  const float mean = row_of(statistics, n)[0], inverse = row_of(statistics, n)[1];
  float sum = 0, along = 0;
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x) {
    sum += moved[c];
    along += moved[c] * (from[c] - mean);
  }
  const float shift = block_sum(sum) / x.columns, pull = block_sum(along) * inverse * inverse / x.columns;
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x)
    row_of(y_tangent, n)[c] =
        (weight.data ? weight.data[c] : 1) * inverse * (moved[c] - shift - (from[c] - mean) * pull);
}

__global__ void parameter_gradient_kernel(Tensor x, Tensor statistics, Tensor y_gradient, Tensor weight_gradient,
                                          Tensor bias_gradient) {
  __shared__ float weights[column_warps][32], biases[column_warps][32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int64_t c = static_cast<int64_t>(blockIdx.x) * 32 + lane;
  float weight = 0, bias = 0;
  if (c < x.columns)
    for (int64_t n = warp; n < x.rows; n += column_warps) {
      const float above = row_of(y_gradient, n)[c];
      weight += above * (row_of(x, n)[c] - row_of(statistics, n)[0]) * row_of(statistics, n)[1];
      bias += above;
    }
  weights[warp][lane] = weight;
  biases[warp][lane] = bias;
  __syncthreads();
  if (warp > 0 || c >= x.columns) return;
  for (int i = 1; i < column_warps; ++i) weight += weights[i][lane], bias += biases[i][lane];
  if (weight_gradient.data) weight_gradient.data[c] += weight;
  if (bias_gradient.data) bias_gradient.data[c] += bias;
}

}  // namespace

void layer_norm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y, Tensor statistics, cudaStream_t stream) {
  launch("layer_norm", layer_norm_kernel, dim3(x.rows), row_threads(x.columns), 0, stream, x, weight, bias, epsilon, y,
         statistics);
}

void layer_norm_backward(Tensor x, Tensor weight, Tensor statistics, Tensor y_gradient, Tensor x_gradient,
                         Tensor weight_gradient, Tensor bias_gradient, cudaStream_t stream) {
  launch("layer_norm_backward", layer_norm_x_gradient_kernel, dim3(x.rows), row_threads(x.columns), 0, stream, x, weight,
         statistics, y_gradient, x_gradient);
  if (!weight_gradient && !bias_gradient) return;
  launch("layer_norm_backward", parameter_gradient_kernel, dim3(divide_up(x.columns, 32)), column_warps * 32, 0, stream,
         x, statistics, y_gradient, weight_gradient, bias_gradient);
}

void layer_norm_tangent(Tensor x, Tensor weight, Tensor statistics, Tensor x_tangent, Tensor y_tangent,
                        cudaStream_t stream) {
  launch("layer_norm_tangent", layer_norm_tangent_kernel, dim3(x.rows), row_threads(x.columns), 0, stream, x, weight, statistics,
         x_tangent, y_tangent);
}

}  // namespace stemma::cuda

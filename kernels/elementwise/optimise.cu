#include <cmath>

#include "kernels/cuda_kernels.cuh"

namespace stemma::cuda {
namespace {

struct Step {
  float rate, beta1, beta2, epsilon, shrink, first_scale, second_scale;
};

__global__ void adamw_kernel(Tensor parameter, Tensor gradient, Tensor first, Tensor second, Step step) {
  for (int64_t i = first_index(); i < size_of(parameter); i += index_stride()) {
    const float g = gradient.data[i];
    const float m = first.data[i] = step.beta1 * first.data[i] + (1 - step.beta1) * g;
    const float v = second.data[i] = step.beta2 * second.data[i] + (1 - step.beta2) * g * g;
    parameter.data[i] = parameter.data[i] * step.shrink -
                        step.rate * (m * step.first_scale) / (sqrtf(v * step.second_scale) + step.epsilon);
  }
}

__global__ void squares_kernel(Tensor x, double* sums) {
  double sum = 0;
  for (int64_t i = first_index(); i < size_of(x); i += index_stride())
    sum += static_cast<double>(x.data[i]) * x.data[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

__global__ void total_kernel(double* sums) {
  const double sum = block_sum(sums[threadIdx.x]);
  if (threadIdx.x == 0) sums[0] = sum;
}

}  // namespace

void adamw(Tensor parameter, Tensor gradient, Tensor first, Tensor second, const Ops::AdamW& settings,
           cudaStream_t stream) {
  const auto correction = [&](float beta) {
    return static_cast<float>(1 / (1 - std::pow(static_cast<double>(beta), static_cast<double>(settings.step))));
  };
  const Step step{settings.rate,
                  settings.beta1,
                  settings.beta2,
                  settings.epsilon,
                  1 - settings.rate * settings.decay,
                  correction(settings.beta1),
                  correction(settings.beta2)};
  launch("adamw", adamw_kernel, dim3(element_blocks(parameter.size())), element_threads, 0, stream, parameter, gradient,
         first, second, step);
}

void sum_of_squares(Tensor x, double* sums, cudaStream_t stream) {
  launch("sum_of_squares", squares_kernel, dim3(sum_blocks), element_threads, 0, stream, x, sums);
  launch("sum_of_squares", total_kernel, dim3(1), sum_blocks, 0, stream, sums);
}

}  // namespace stemma::cuda

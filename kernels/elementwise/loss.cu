#include "kernels/cuda_kernels.cuh"

namespace stemma::cuda {
namespace {

__global__ void cross_entropy_kernel(Tensor logits, Ids targets, float weight, Tensor losses) {
  const int64_t n = blockIdx.x, columns = logits.columns;
  float* row = row_of(logits, n);
  const int32_t target = targets.data[n];
  if (target < 0) {
    for (int64_t c = threadIdx.x; c < columns; c += blockDim.x) row[c] = 0;
    if (threadIdx.x == 0) losses.data[n] = 0;
    return;
  }
  float maximum = -INFINITY;
  for (int64_t c = threadIdx.x; c < columns; c += blockDim.x) maximum = fmaxf(maximum, row[c]);
  maximum = block_maximum(maximum);
  float total = 0;
  for (int64_t c = threadIdx.x; c < columns; c += blockDim.x) total += expf(row[c] - maximum);
  total = block_sum(total);
  if (threadIdx.x == 0) losses.data[n] = logf(total) + (maximum - row[target]);
  __syncthreads();  // the label's logit is read before its thread replaces it
  const float scale = weight / total;
  for (int64_t c = threadIdx.x; c < columns; c += blockDim.x)
    row[c] = scale * expf(row[c] - maximum) - (c == target ? weight : 0);
}

// The first place where the running sum of exponents exceeds uniform * total. Each warp sums its own run of columns;
// the warp in whose run the place lies walks it again. Sums are double, so that their order does not decide a draw.
constexpr int draw_warps = 16;

__global__ void sample_kernel(Tensor logits, Tensor uniforms, Ids targets) {
  __shared__ double sums[draw_warps];
  const int64_t n = blockIdx.x, columns = logits.columns;
  if (targets.data[n] < 0) return;
  const float* row = row_of(logits, n);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int64_t run = (columns + draw_warps - 1) / draw_warps;
  const int64_t begin = min(warp * run, columns), end = min(begin + run, columns);

  float maximum = -INFINITY;
  for (int64_t c = threadIdx.x; c < columns; c += blockDim.x) maximum = fmaxf(maximum, row[c]);
  maximum = block_maximum(maximum);
  double sum = 0;
  for (int64_t c = begin + lane; c < end; c += 32) sum += expf(row[c] - maximum);
  sum = warp_sum(sum);
  if (lane == 0) sums[warp] = sum;
  __syncthreads();

  double total = 0, before = 0;
  for (int i = 0; i < draw_warps; ++i) total += sums[i];
  const double goal = uniforms.data[n] * total;
  int drawn = 0;
  while (drawn < draw_warps - 1 && before + sums[drawn] <= goal) before += sums[drawn++];
  if (warp != drawn) return;

  int32_t choice = -1;
  for (int64_t base = begin; base < end && choice < 0; base += 32) {
    double running = base + lane < end ? expf(row[base + lane] - maximum) : 0;
    for (int offset = 1; offset < 32; offset *= 2) {
      const double left = __shfl_up_sync(every_lane, running, offset);
      if (lane >= offset) running += left;
    }
    const unsigned past = __ballot_sync(every_lane, before + running > goal);
    if (past) choice = static_cast<int32_t>(base + __ffs(past) - 1);
    before += __shfl_sync(every_lane, running, 31);
  }
  if (lane == 0) targets.data[n] = choice < 0 ? static_cast<int32_t>(columns - 1) : choice;
}

}  // namespace

void cross_entropy(Tensor logits, Ids targets, float weight, Tensor losses, cudaStream_t stream) {
  launch("cross_entropy", cross_entropy_kernel, dim3(logits.rows), row_threads(logits.columns), 0, stream, logits,
         targets, weight, losses);
}

void sample_targets(Tensor logits, Tensor uniforms, Ids targets, cudaStream_t stream) {
  launch("sample_targets", sample_kernel, dim3(logits.rows), draw_warps * 32, 0, stream, logits, uniforms, targets);
}

}  // namespace stemma::cuda

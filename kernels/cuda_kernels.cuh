// Inside the CUDA plugin: the launchers of each family (see ops.h for what they compute) and what their kernels share.
// A launcher only queues work on the stream. Sums never use atomics: the same call gives the same bits.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "kernels/ops.h"

namespace stemma::cuda {

class Multiplier;  // multiplier.cuh; what takes one runs on its stream

// x is rounded to weights of 16 bits; `room` is for x in 16 bits.
void linear(Tensor x, std::span<const Ops::Product> products, void* room, Multiplier& multiplier);
void linear_backward(Tensor y_gradient, const WeightMatrix& w, Tensor x_gradient, bool add, void* room,
                     Multiplier& multiplier);
void round(Tensor x, const WeightMatrix& y, cudaStream_t stream);
void embed(Ids ids, const WeightMatrix& table, Tensor out, cudaStream_t stream);
void embed_backward(Ids ids, Tensor out_gradient, Tensor table_gradient, cudaStream_t stream);

void rms_norm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverse_rms, cudaStream_t stream);
void rms_norm_backward(Tensor x, Tensor weight, Tensor inverse_rms, Tensor y_gradient, Tensor x_gradient,
                       Tensor weight_gradient, cudaStream_t stream);
void rms_norm_tangent(Tensor x, Tensor weight, Tensor inverse_rms, Tensor x_tangent, Tensor y_tangent,
                      cudaStream_t stream);

void layer_norm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y, Tensor statistics, cudaStream_t stream);
void layer_norm_backward(Tensor x, Tensor weight, Tensor statistics, Tensor y_gradient, Tensor x_gradient,
                         Tensor weight_gradient, Tensor bias_gradient, cudaStream_t stream);
void layer_norm_tangent(Tensor x, Tensor weight, Tensor statistics, Tensor x_tangent, Tensor y_tangent,
                        cudaStream_t stream);

void rope(Tensor x, Ids positions, Tensor table, int head_width, Rotation rotation, cudaStream_t stream);

// Segments on the device, and the most queries and keys that one of them has.
struct SegmentList {
  const Segment* data = nullptr;
  int count = 0, longest_query = 0, longest_key = 0;
};
void attention(Tensor q, const WeightMatrix& k, const WeightMatrix& v, SegmentList segments, Heads heads, Tensor z,
               Tensor log_sum, cudaStream_t stream);
// For few queries a segment.
void attention_few(Tensor q, const WeightMatrix& k, const WeightMatrix& v, SegmentList segments, Heads heads, Tensor z,
                   Tensor log_sum, cudaStream_t stream);
// `kept` is scratch of as many bytes as attention_step_bytes says: by the texts' room, not by what is in it.
size_t attention_step_bytes(std::span<const Ops::Text> texts, Heads heads);
size_t attention_step_bytes(int64_t texts, int64_t room, Heads heads);
void attention_step(Tensor q, Tensor k, Tensor v, Ids places, std::span<const Ops::Text> texts, Heads heads, Tensor z,
                    Tensor log_sum, float* kept, cudaStream_t stream);
// As heads.rounded allows, for many queries.
void attention_rounded(Tensor q, const WeightMatrix& k, const WeightMatrix& v, SegmentList segments, Heads heads,
                       Tensor z, Tensor log_sum, cudaStream_t stream);
// delta (N, H) is scratch.
void attention_backward(Tensor q, Tensor k, Tensor v, Tensor z, Tensor log_sum, Tensor z_gradient, SegmentList segments,
                        Heads heads, Tensor q_gradient, Tensor k_gradient, Tensor v_gradient, float* delta,
                        cudaStream_t stream);
// As attention_rounded; delta as attention_backward has made it.
void attention_backward_rounded(Tensor q, Tensor k, Tensor v, Tensor log_sum, Tensor z_gradient, Tensor delta,
                                SegmentList segments, Heads heads, Tensor q_gradient, Tensor k_gradient,
                                Tensor v_gradient, cudaStream_t stream);
void attention_tangent(Tensor q, Tensor k, Tensor v, Tensor log_sum, Tensor q_tangent, Tensor k_tangent,
                       Tensor v_tangent, SegmentList segments, Heads heads, Tensor z_tangent, cudaStream_t stream);
void attention_means(Tensor q, const WeightMatrix& k, Tensor log_sum, Ids bounds, Heads heads, Tensor means,
                     cudaStream_t stream);
void attention_weights(Tensor q, const WeightMatrix& k, Heads heads, Tensor weights, cudaStream_t stream);

void swiglu(Tensor gate, Tensor up, Tensor out, cudaStream_t stream);
void swiglu_backward(Tensor gate, Tensor up, Tensor out_gradient, Tensor gate_gradient, Tensor up_gradient,
                     cudaStream_t stream);
void swiglu_tangent(Tensor gate, Tensor up, Tensor gate_tangent, Tensor up_tangent, Tensor out_tangent,
                    cudaStream_t stream);

void gelu(Gelu kind, Tensor x, Tensor up, Tensor out, cudaStream_t stream);
void gelu_backward(Gelu kind, Tensor x, Tensor up, Tensor out_gradient, Tensor x_gradient, Tensor up_gradient,
                   cudaStream_t stream);
void gelu_tangent(Gelu kind, Tensor x, Tensor up, Tensor x_tangent, Tensor up_tangent, Tensor out_tangent,
                  cudaStream_t stream);

void add_bias(Tensor bias, Tensor y, cudaStream_t stream);
void add_bias_backward(Tensor y_gradient, Tensor bias_gradient, cudaStream_t stream);
void soft_cap(Tensor x, float cap, cudaStream_t stream);
void soft_cap_backward(Tensor y, float cap, Tensor gradient, cudaStream_t stream);
void clip(Tensor x, float limit, cudaStream_t stream);
void clip_backward(Tensor y, float limit, Tensor gradient, cudaStream_t stream);

// The segments are on the host.
void segment_outer(Tensor a, Tensor b, std::span<const Segment> segments, Tensor products, Multiplier& multiplier);
void add(Tensor x, Tensor y, float scale, cudaStream_t stream);

void cross_entropy(Tensor logits, Ids targets, float weight, Tensor losses, cudaStream_t stream);
void sample_targets(Tensor logits, Tensor uniforms, Ids targets, cudaStream_t stream);

void adamw(Tensor parameter, Tensor gradient, Tensor first, Tensor second, const Ops::AdamW& settings,
           cudaStream_t stream);
// Leaves the sum in sums[0]; sums (sum_blocks) is scratch.
inline constexpr int sum_blocks = 1024;
void sum_of_squares(Tensor x, double* sums, cudaStream_t stream);

void add_squares(Tensor products, Tensor total, cudaStream_t stream);
void divide_damped(Tensor x, Tensor d, float damping, Tensor y, cudaStream_t stream);
// Scratch: partial (rows, row_dots_parts).
int row_dots_parts(Tensor a);
void row_dots(Tensor a, Tensor b, Tensor dots, double* partial, cudaStream_t stream);
bool eigenvectors(double* matrix, int64_t n, cudaStream_t stream);  // on the host; waits for the stream

inline void check(cudaError_t status, const char* doing) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // errors that are not lasting must not be reported again by the next call
  throw std::runtime_error(std::string("CUDA failed in ") + doing + ": " + cudaGetErrorString(status));
}

// Shared memory beyond 48 KiB has to be asked for; an empty grid is an error in CUDA and nothing to do here.
template <class... Parameters, class... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), dim3 grid, int threads, size_t shared, cudaStream_t stream,
            Arguments&&... arguments) {
  if (grid.x == 0 || grid.y == 0) return;
  if (shared > 48 * 1024)
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared)), name);
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = shared;
  config.stream = stream;
  check(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...), name);
}

inline constexpr int64_t divide_up(int64_t value, int64_t by) { return (value + by - 1) / by; }

// Sums over rows: 32 columns to a block. Each of its warps adds every 16th row, then the first warp adds the warps, in
// order.
inline constexpr int column_warps = 16;

// Element-wise kernels walk `for (i = first_index(); i < size; i += index_stride())` on a grid of this many blocks.
inline constexpr int element_threads = 256;
inline unsigned element_blocks(int64_t size) {
  return static_cast<unsigned>(std::min<int64_t>(divide_up(size, element_threads), 4096));
}
__device__ inline int64_t first_index() { return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline int64_t index_stride() { return static_cast<int64_t>(gridDim.x) * blockDim.x; }

// Kernels with a block to each row: whole warps, four elements or more to a thread.
inline int row_threads(int64_t columns) {
  return static_cast<int>(std::clamp<int64_t>(divide_up(columns, 128) * 32, 32, 512));
}

// The members of View are host functions.
template <class T>
__host__ __device__ T* row_of(View<T> x, int64_t i) {
  return x.data + i * x.columns;
}
template <class T>
__host__ __device__ int64_t size_of(View<T> x) {
  return x.rows * x.columns;
}

// The shared memory that a launch asked for, aligned for vector loads.
__device__ inline float* shared_memory() {
  extern __shared__ float4 memory[];
  return &memory[0].x;
}

inline constexpr unsigned every_lane = 0xffffffffu;

template <class T>
__device__ T warp_sum(T value) {
  for (int offset = 16; offset; offset /= 2) value += __shfl_xor_sync(every_lane, value, offset);
  return value;
}

__device__ inline float warp_maximum(float value) {
  for (int offset = 16; offset; offset /= 2) value = fmaxf(value, __shfl_xor_sync(every_lane, value, offset));
  return value;
}

// Over all threads of a block of whole warps; every thread gets the result.
template <class T>
__device__ T block_sum(T value) {
  __shared__ T parts[32];
  const int lane = threadIdx.x % 32;
  value = warp_sum(value);
  if (lane == 0) parts[threadIdx.x / 32] = value;
  __syncthreads();
  value = warp_sum(lane < blockDim.x / 32 ? parts[lane] : T(0));
  __syncthreads();  // parts may be written again
  return value;
}

__device__ inline float block_maximum(float value) {
  __shared__ float parts[32];
  const int lane = threadIdx.x % 32;
  value = warp_maximum(value);
  if (lane == 0) parts[threadIdx.x / 32] = value;
  __syncthreads();
  value = warp_maximum(lane < blockDim.x / 32 ? parts[lane] : parts[0]);
  __syncthreads();
  return value;
}

}  // namespace stemma::cuda

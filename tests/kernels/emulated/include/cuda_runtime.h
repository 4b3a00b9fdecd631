// As much of CUDA as the plugin asks for, to a C++ compiler: each thread of a block has a stack of its own on the CPU
// (device.cpp), and what a stream was given waits until somebody waits for it (host.cpp), as it may on a GPU.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <source_location>
#include <tuple>
#include <vector>

#define CUDART_VERSION 13000
#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)
#define __shared__ thread_local  // one block runs at a time, on one thread of the CPU; stands behind `extern` too
#define fmaf(a, b, c) ((a) * (b) + (c))  // the library's is a call

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct alignas(16) float4 {
  float x, y, z, w;
};
inline uint3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;

namespace emulated {

constexpr int lanes = 32;
constexpr size_t most_shared = 227 * 1024;  // an H100's

using Place = std::source_location;
struct Slot {
  alignas(16) unsigned char bytes[32];

  template <class T>
  static Slot of(const T& value) {
    static_assert(sizeof(T) <= sizeof(bytes));
    Slot slot{};
    std::memcpy(slot.bytes, &value, sizeof(T));
    return slot;
  }
  template <class T>
  T as() const {
    T value;
    std::memcpy(&value, bytes, sizeof(T));
    return value;
  }
};

// Waits for every thread of the block that has not ended; whether one of them brought `value`.
bool block_barrier(bool value, Place place);
// Waits for all lanes of the warp; what each of them brought.
const Slot* warp_exchange(unsigned mask, Slot own, Place place);

void launch(dim3 grid, unsigned threads, size_t shared, const std::function<void()>& thread);

}  // namespace emulated

#define EMULATED_PLACE emulated::Place place = emulated::Place::current()
inline void __syncthreads(EMULATED_PLACE) { emulated::block_barrier(false, place); }
inline int __syncthreads_or(int value, EMULATED_PLACE) { return emulated::block_barrier(value, place); }
inline void __syncwarp(unsigned mask = ~0u, EMULATED_PLACE) { emulated::warp_exchange(mask, {}, place); }
template <class T>
T __shfl_sync(unsigned mask, T value, int from, EMULATED_PLACE) {
  return emulated::warp_exchange(mask, emulated::Slot::of(value), place)[from].template as<T>();
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, EMULATED_PLACE) {
  return __shfl_sync(mask, value, static_cast<int>(threadIdx.x % emulated::lanes) ^ bits, place);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, int by, EMULATED_PLACE) {
  const int lane = static_cast<int>(threadIdx.x % emulated::lanes);
  return __shfl_sync(mask, value, lane < by ? lane : lane - by, place);
}
inline unsigned __ballot_sync(unsigned mask, bool value, EMULATED_PLACE) {
  const emulated::Slot* slots = emulated::warp_exchange(mask, emulated::Slot::of(value), place);
  unsigned bits = 0;
  for (int i = 0; i < emulated::lanes; ++i) bits |= unsigned{slots[i].as<bool>()} << i;
  return bits;
}
#undef EMULATED_PLACE

inline float __expf(float x) { return std::exp(x); }
inline int __ffs(unsigned bits) { return __builtin_ffs(static_cast<int>(bits)); }
inline float normcdff(float x) { return 0.5f * std::erfc(-x * 0.70710678f); }
using std::max, std::min;

// The host's part.
enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorStreamCaptureUnsupported = 900,
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
enum { cudaStreamNonBlocking = 1 };
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal };
using cudaStream_t = std::vector<std::function<void()>>*;
using cudaGraph_t = std::vector<std::function<void()>>*;
using cudaGraphExec_t = std::vector<std::function<void()>>*;
struct cudaDeviceProp {
  char name[256];
};
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
};

const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaMemGetInfo(size_t* available, size_t* total);
cudaError_t cudaMalloc(void** memory, size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaDeviceSynchronize();
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph);

namespace emulated {
// What the stream does once somebody waits for it; only then may the memory of the device be touched.
void queue(cudaStream_t stream, std::function<void()> work);
}  // namespace emulated

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  static_assert((!std::is_reference_v<Parameters> && ...), "a kernel cannot take a reference to the host's memory");
  const dim3 grid = config->gridDim, block = config->blockDim;
  const size_t shared = config->dynamicSmemBytes;
  if (grid.x == 0 || grid.y == 0 || grid.x > 0x7fffffff || grid.y > 65535 || block.x == 0 || block.x > 1024 ||
      shared > emulated::most_shared)
    return cudaErrorInvalidValue;
  std::tuple<Parameters...> held(std::forward<Arguments>(arguments)...);
  emulated::queue(config->stream, [=] { emulated::launch(grid, block.x, shared, [&] { std::apply(kernel, held); }); });
  return cudaSuccess;
}
template <class... Parameters>
cudaError_t cudaFuncSetAttribute(void (*)(Parameters...), cudaFuncAttribute, int) {
  return cudaSuccess;
}

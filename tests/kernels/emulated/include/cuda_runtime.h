// As much of CUDA as the plugin needs, for a C++ compiler: device code runs on the CPU, a thread of the GPU to each fiber
// (tests/kernels/emulated/device.cpp). Streams defer their work until somebody waits for it, as a GPU may.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <source_location>
#include <tuple>
#include <type_traits>

#define CUDART_VERSION 13000
#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)
#define fmaf(a, b, c) ((a) * (b) + (c))  // libm's is a call
#define __shared__ thread_local  // blocks run one by one, each on one thread of the CPU; also right behind `extern`

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};

inline uint3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;

namespace emulated {

using Place = std::source_location;
struct alignas(16) Slot {
  unsigned char bytes[16];
};

// Waits for every thread of the block that has not ended; whether any of them brought `value`.
bool block_barrier(bool value, Place place);
// Waits for the 32 lanes of the warp, all of them; what each brought.
const Slot* warp_exchange(unsigned mask, Slot own, Place place);
void warp_barrier(unsigned mask, Place place);

template <class T>
Slot packed(T value) {
  static_assert(sizeof(T) <= sizeof(Slot));
  Slot slot{};
  __builtin_memcpy(slot.bytes, &value, sizeof(T));
  return slot;
}
template <class T>
T unpacked(const Slot& slot) {
  T value;
  __builtin_memcpy(&value, slot.bytes, sizeof(T));
  return value;
}
inline int lane() { return static_cast<int>(threadIdx.x % 32); }

}  // namespace emulated

inline void __syncthreads(emulated::Place place = emulated::Place::current()) { emulated::block_barrier(false, place); }
inline int __syncthreads_or(int value, emulated::Place place = emulated::Place::current()) {
  return emulated::block_barrier(value, place);
}
inline void __syncwarp(unsigned mask = ~0u, emulated::Place place = emulated::Place::current()) {
  emulated::warp_barrier(mask, place);
}
template <class T>
T __shfl_sync(unsigned mask, T value, int from, emulated::Place place = emulated::Place::current()) {
  return emulated::unpacked<T>(emulated::warp_exchange(mask, emulated::packed(value), place)[from % 32]);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, emulated::Place place = emulated::Place::current()) {
  return __shfl_sync(mask, value, emulated::lane() ^ bits, place);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, int by, emulated::Place place = emulated::Place::current()) {
  return __shfl_sync(mask, value, std::max(emulated::lane() - by, emulated::lane() < by ? emulated::lane() : 0), place);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, int by, emulated::Place place = emulated::Place::current()) {
  return __shfl_sync(mask, value, emulated::lane() + by < 32 ? emulated::lane() + by : emulated::lane(), place);
}
inline unsigned __ballot_sync(unsigned mask, int value, emulated::Place place = emulated::Place::current()) {
  const emulated::Slot* slots = emulated::warp_exchange(mask, emulated::packed(value != 0), place);
  unsigned bits = 0;
  for (int i = 0; i < 32; ++i) bits |= static_cast<unsigned>(emulated::unpacked<bool>(slots[i])) << i;
  return bits;
}

inline int __ffs(unsigned bits) { return __builtin_ffs(static_cast<int>(bits)); }
inline float normcdff(float x) { return 0.5f * std::erfc(-x * 0.70710678f); }
template <class T>
T __ldg(const T* from) {
  return *from;
}
template <class T>
T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
T max(T a, T b) {
  return a < b ? b : a;
}

// The host's part.
enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
enum { cudaStreamNonBlocking = 1 };
typedef struct CudaStream* cudaStream_t;
struct cudaDeviceProp {
  char name[256];
  int multiProcessorCount;
};
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
  void* attrs;
  unsigned numAttrs;
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

namespace emulated {

void queue(cudaStream_t stream, std::function<void()> work);
cudaError_t launch(const cudaLaunchConfig_t& config, const void* kernel, std::function<void()> thread);
cudaError_t allow_shared_memory(const void* kernel, int bytes);

}  // namespace emulated

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...), Arguments&&... arguments) {
  static_assert((!std::is_reference_v<Parameters> && ...), "a kernel cannot take a reference to the host's memory");
  return emulated::launch(*config, reinterpret_cast<const void*>(kernel),
                          [kernel, held = std::tuple<Parameters...>(std::forward<Arguments>(arguments)...)] {
                            std::apply(kernel, held);
                          });
}
template <class... Parameters>
cudaError_t cudaFuncSetAttribute(void (*kernel)(Parameters...), cudaFuncAttribute, int bytes) {
  return emulated::allow_shared_memory(reinterpret_cast<const void*>(kernel), bytes);
}

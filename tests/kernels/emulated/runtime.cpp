// The host's side: memory of the device, which starts as NaN, and streams, which do nothing until somebody waits.
#include <cuda_runtime.h>

#include <cstdlib>
#include <map>
#include <vector>

#include "tests/kernels/emulated/sanitizers.h"

struct CudaStream {
  std::vector<std::function<void()>> work;
};

namespace emulated {
namespace {

constexpr size_t total_memory = size_t{8} << 30;
std::map<void*, size_t> allocations;
std::vector<cudaStream_t> streams;
size_t used_memory = 0;
int open = 0;

cudaError_t finish(cudaStream_t stream) {
  for (size_t i = 0; i < stream->work.size(); ++i) stream->work[i]();
  stream->work.clear();
  return cudaSuccess;
}

}  // namespace

DeviceMemoryOpen::DeviceMemoryOpen() {
  if (open++ == 0)
    for (const auto& [memory, bytes] : allocations) allow(memory, bytes);
}
DeviceMemoryOpen::~DeviceMemoryOpen() {
  if (--open == 0)
    for (const auto& [memory, bytes] : allocations) forbid(memory, bytes);
}

void queue(cudaStream_t stream, std::function<void()> work) {
  if (!stream) std::abort();  // the stream of nobody is in no order with ours
  stream->work.push_back([work = std::move(work)] {
    const DeviceMemoryOpen open;
    work();
  });
}

}  // namespace emulated

using emulated::queue;

const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "out of memory" : error == cudaSuccess ? "no error" : "invalid argument";
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* count) { return *count = 1, cudaSuccess; }
cudaError_t cudaDriverGetVersion(int* version) { return *version = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  return *properties = {"emulated on the CPU", 4}, cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; }
cudaError_t cudaMemGetInfo(size_t* available, size_t* total) {
  *total = emulated::total_memory;
  *available = *total - emulated::used_memory;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  if (bytes > emulated::total_memory - emulated::used_memory || posix_memalign(memory, 256, bytes) != 0)
    return cudaErrorMemoryAllocation;
  std::memset(*memory, 0xff, bytes);
  emulated::forbid(*memory, bytes);
  emulated::allocations[*memory] = bytes;
  emulated::used_memory += bytes;
  return cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
  if (!memory) return cudaSuccess;
  cudaDeviceSynchronize();
  const auto found = emulated::allocations.find(memory);
  if (found == emulated::allocations.end()) std::abort();
  emulated::allow(memory, found->second);
  emulated::used_memory -= found->second;
  emulated::allocations.erase(found);
  return std::free(memory), cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  return queue(stream, [=] { std::memcpy(to, from, bytes); }), cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream) {
  return queue(stream, [=] { std::memset(memory, value, bytes); }), cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  emulated::streams.push_back(*stream = new CudaStream);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  emulated::finish(stream);
  std::erase(emulated::streams, stream);
  return delete stream, cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return emulated::finish(stream); }
cudaError_t cudaDeviceSynchronize() {
  for (const cudaStream_t stream : emulated::streams) emulated::finish(stream);
  return cudaSuccess;
}

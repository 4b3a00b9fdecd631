// The host's side: memory of the device, which starts as NaN and which AddressSanitizer keeps the host from, streams,
// and graphs of what a stream was asked.
#include <sanitizer/asan_interface.h>

#include <cstdlib>
#include <map>
#include <utility>

#include "tests/kernels/emulated/include/cuda_runtime.h"

namespace {

constexpr size_t total_memory = size_t{8} << 30;
std::map<void*, size_t> allocations;
std::vector<cudaStream_t> streams;
size_t used_memory = 0;

cudaStream_t recorded = nullptr;  // the stream whose work goes to the graph instead
cudaGraph_t graph_in_hand = nullptr;
bool spoiled = false;

// What no graph can do ends the recording, as on a GPU.
bool spoils() { return recorded && (spoiled = true); }

}  // namespace

void emulated::queue(cudaStream_t stream, std::function<void()> work) {
  if (!stream) std::abort();  // CUDA's default stream is in no order with ours
  (stream == recorded ? graph_in_hand : stream)->push_back([work = std::move(work)] {
    for (const auto& [memory, bytes] : allocations) ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
    work();
    for (const auto& [memory, bytes] : allocations) ASAN_POISON_MEMORY_REGION(memory, bytes);
  });
}

const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "out of memory" : "invalid argument";
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* count) { return *count = 1, cudaSuccess; }
cudaError_t cudaDriverGetVersion(int* version) { return *version = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  return *properties = {"emulated on the CPU"}, cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidValue; }
cudaError_t cudaMemGetInfo(size_t* available, size_t* total) {
  *total = total_memory, *available = total_memory - used_memory;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  if (spoils()) return cudaErrorStreamCaptureUnsupported;
  if (bytes > total_memory - used_memory || posix_memalign(memory, 256, bytes) != 0) return cudaErrorMemoryAllocation;
  std::memset(*memory, 0xff, bytes);
  ASAN_POISON_MEMORY_REGION(*memory, bytes);
  allocations[*memory] = bytes, used_memory += bytes;
  return cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
  if (spoils()) return cudaErrorStreamCaptureUnsupported;
  cudaDeviceSynchronize();
  if (!memory) return cudaSuccess;
  const auto found = allocations.find(memory);
  if (found == allocations.end()) std::abort();
  used_memory -= found->second, allocations.erase(found);
  return std::free(memory), cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  return emulated::queue(stream, [=] { std::memcpy(to, from, bytes); }), cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream) {
  return emulated::queue(stream, [=] { std::memset(memory, value, bytes); }), cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  streams.push_back(*stream = new std::vector<std::function<void()>>);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  cudaStreamSynchronize(stream);
  std::erase(streams, stream);
  return delete stream, cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (spoils()) return cudaErrorStreamCaptureUnsupported;
  for (const auto& work : *stream) work();
  return stream->clear(), cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  for (const cudaStream_t stream : streams) cudaStreamSynchronize(stream);
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (recorded) std::abort();
  recorded = stream, graph_in_hand = new std::vector<std::function<void()>>, spoiled = false;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  if (recorded != stream) std::abort();
  recorded = nullptr;
  if (spoiled) delete std::exchange(graph_in_hand, nullptr);
  *graph = graph_in_hand;
  return spoiled ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long) {
  *made = new std::vector<std::function<void()>>(*graph);
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  stream->insert(stream->end(), graph->begin(), graph->end());
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return delete graph, cudaSuccess; }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) { return delete graph, cudaSuccess; }

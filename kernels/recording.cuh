// What a stream was asked to do, to be done again without asking: a CUDA graph. It has run on the emulated device alone,
// not on a GPU yet.
#pragma once

#include <functional>

#include "kernels/cuda_kernels.cuh"

namespace stemma::cuda {

// `calls` on a stream, once or many times over. The first time they are made as ever: that loads kernels and takes
// scratch memory, which a graph cannot. The second time they are recorded, and from then on the graph is launched.
class GraphRecording final : public Ops::Recording {
 public:
  // `memory`: a number that changes whenever memory is given back, which a graph may still name.
  explicit GraphRecording(uint64_t memory) : memory_(memory) {}
  ~GraphRecording() override {
    if (graph_) cudaGraphExecDestroy(graph_);
  }
  bool is_of(uint64_t memory) const { return memory == memory_; }

  void repeat(const std::function<void()>& calls, cudaStream_t stream) {
    if (!graph_ && recordable_) recordable_ = record(calls, stream);
    if (graph_)
      check(cudaGraphLaunch(graph_, stream), "repeating");
    else
      calls();  // as slow as without a recording, and as right
  }

 private:
  // False where CUDA cannot, be it that `calls` asks for what no graph can do.
  bool record(const std::function<void()>& calls, cudaStream_t stream) {
    if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess) return false;
    bool made = true;
    try {
      calls();
    } catch (const std::exception&) {
      made = false;
    }
    cudaGraph_t graph = nullptr;
    made = cudaStreamEndCapture(stream, &graph) == cudaSuccess && made;
    made = made && cudaGraphInstantiate(&graph_, graph, 0) == cudaSuccess;
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError();  // what could not be recorded is no error of the next call
    return made;
  }

  uint64_t memory_;
  cudaGraphExec_t graph_ = nullptr;
  bool recordable_ = true;
};

}  // namespace stemma::cuda

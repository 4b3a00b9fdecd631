#include "kernels/cuda_kernels.cuh"
#include "kernels/linear/multiplier.cuh"

namespace stemma::cuda {
namespace {

__global__ void add_kernel(Tensor x, Tensor y, float scale) {
  for (int64_t i = first_index(); i < size_of(x); i += index_stride()) y.data[i] += scale * x.data[i];
}

}  // namespace

// Neighbouring segments of one length and one distance are one call.
void segment_outer(Tensor a, Tensor b, std::span<const Segment> segments, Tensor products, Multiplier& multiplier) {
  const auto length = [&](size_t s) { return segments[s].query_end - segments[s].query_begin; };
  const auto step = [&](size_t s) { return segments[s + 1].query_begin - segments[s].query_begin; };
  for (size_t s = 0, end; s < segments.size(); s = end) {
    for (end = s + 1; end < segments.size() && length(end) == length(s) && step(end - 1) == step(s);) ++end;
    const int64_t count = end - s, begin = segments[s].query_begin, distance = count > 1 ? step(s) : 0;
    const auto factor = [&](Tensor x, bool transposed) {
      return Factor(x.slice(begin, begin + std::max(0, length(s))), transposed, distance * x.columns);
    };
    multiplier.multiply(factor(a, true), factor(b, false), {row_of(products, s), a.columns, b.columns}, 1, 0, count);
  }
}

void add(Tensor x, Tensor y, float scale, cudaStream_t stream) {
  launch("add", add_kernel, dim3(element_blocks(x.size())), element_threads, 0, stream, x, y, scale);
}

}  // namespace stemma::cuda

#include "kernels/cuda_kernels.cuh"

namespace stemma::cuda {
namespace {

__global__ void scale_kernel(Tensor c, float beta) {
  for (int64_t i = first_index(); i < size_of(c); i += index_stride()) c.data[i] = beta == 0 ? 0 : beta * c.data[i];
}

__global__ void add_kernel(Tensor x, Tensor y, float scale) {
  for (int64_t i = first_index(); i < size_of(x); i += index_stride()) y.data[i] += scale * x.data[i];
}

cublasOperation_t operation(bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; }

void queue_scale(Tensor c, float beta, cublasHandle_t blas) {
  cudaStream_t stream;
  check(cublasGetStream(blas, &stream), "matmul");
  launch("matmul", scale_kernel, dim3(element_blocks(c.size())), element_threads, 0, stream, c, beta);
}

}  // namespace

// cuBLAS sees a row-major matrix as its transpose, so it is asked for c^T = op(b)^T op(a)^T.
void matmul(Tensor a, bool transpose_a, Tensor b, bool transpose_b, Tensor c, float alpha, float beta,
            cublasHandle_t blas) {
  const int64_t inner = transpose_a ? a.rows : a.columns;
  if (c.size() == 0) return;
  if (inner == 0) return queue_scale(c, beta, blas);
  check(cublasSgemm_64(blas, operation(transpose_b), operation(transpose_a), c.columns, c.rows, inner, &alpha, b.data,
                       b.columns, a.data, a.columns, &beta, c.data, c.columns),
        "matmul");
}

// Neighbouring segments of one length and one distance are one batched call.
void segment_outer(Tensor a, Tensor b, std::span<const Segment> segments, Tensor products, cublasHandle_t blas) {
  const float one = 1, none = 0;
  if (products.columns == 0) return;
  const auto length = [&](size_t s) { return segments[s].query_end - segments[s].query_begin; };
  const auto step = [&](size_t s) { return segments[s + 1].query_begin - segments[s].query_begin; };
  for (size_t s = 0, end; s < segments.size(); s = end) {
    for (end = s + 1; end < segments.size() && length(end) == length(s) && step(end - 1) == step(s);) ++end;
    const int64_t count = end - s, begin = segments[s].query_begin, distance = count > 1 ? step(s) : 0;
    if (length(s) <= 0)
      queue_scale(products.slice(s, end), 0, blas);
    else
      check(cublasSgemmStridedBatched_64(blas, CUBLAS_OP_N, CUBLAS_OP_T, b.columns, a.columns, length(s), &one,
                                         row_of(b, begin), b.columns, distance * b.columns, row_of(a, begin), a.columns,
                                         distance * a.columns, &none, row_of(products, s), b.columns, products.columns,
                                         count),
            "segment_outer");
  }
}

void add(Tensor x, Tensor y, float scale, cudaStream_t stream) {
  launch("add", add_kernel, dim3(element_blocks(x.size())), element_threads, 0, stream, x, y, scale);
}

}  // namespace stemma::cuda

#include "kernels/cuda_kernels.cuh"

namespace stemma::cuda {
namespace {

__global__ void add_squares_kernel(Tensor products, Tensor total) {
  for (int64_t i = first_index(); i < total.columns; i += index_stride()) {
    float sum = total.data[i];
    for (int64_t r = 0; r < products.rows; ++r) sum += row_of(products, r)[i] * row_of(products, r)[i];
    total.data[i] = sum;
  }
}

__global__ void divide_damped_kernel(Tensor x, Tensor d, float damping, Tensor y) {
  for (int64_t i = first_index(); i < size_of(x); i += index_stride()) y.data[i] = x.data[i] / (d.data[i] + damping);
}

// A block to each part of a row; products of weight gradients have few rows of millions of columns. Sums are double:
// the kernel waits for memory all the same.
constexpr int dot_threads = 256, dot_columns = dot_threads * 16;

__global__ void partial_dots_kernel(Tensor a, Tensor b, int parts, double* partial) {
  const int64_t n = blockIdx.x / parts, part = blockIdx.x % parts;
  const int64_t share = (a.columns + parts - 1) / parts;
  const int64_t begin = part * share, end = min(begin + share, a.columns);
  double sum = 0;
  for (int64_t c = begin + threadIdx.x; c < end; c += blockDim.x)
    sum += static_cast<double>(row_of(a, n)[c]) * row_of(b, n)[c];
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

__global__ void add_parts_kernel(const double* partial, int parts, Tensor dots) {
  for (int64_t n = first_index(); n < dots.rows; n += index_stride()) {
    double sum = 0;
    for (int part = 0; part < parts; ++part) sum += partial[n * parts + part];
    dots.data[n] += static_cast<float>(sum);
  }
}

}  // namespace

void add_squares(Tensor products, Tensor total, cudaStream_t stream) {
  launch("add_squares", add_squares_kernel, dim3(element_blocks(total.columns)), element_threads, 0, stream, products,
         total);
}

void divide_damped(Tensor x, Tensor d, float damping, Tensor y, cudaStream_t stream) {
  launch("divide_damped", divide_damped_kernel, dim3(element_blocks(x.size())), element_threads, 0, stream, x, d,
         damping, y);
}

int row_dots_parts(Tensor a) {
  const int64_t wanted = divide_up(1024, std::max<int64_t>(a.rows, 1));
  return static_cast<int>(std::clamp<int64_t>(divide_up(a.columns, dot_columns), 1, wanted));
}

void row_dots(Tensor a, Tensor b, Tensor dots, double* partial, cudaStream_t stream) {
  const int parts = row_dots_parts(a);
  launch("row_dots", partial_dots_kernel, dim3(a.rows * parts), dot_threads, 0, stream, a, b, parts, partial);
  launch("row_dots", add_parts_kernel, dim3(element_blocks(dots.rows)), element_threads, 0, stream, partial, parts,
         dots);
}

}  // namespace stemma::cuda

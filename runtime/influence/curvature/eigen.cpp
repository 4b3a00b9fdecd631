#include "runtime/influence/curvature/eigen.h"

#include "kernels/influence/eigenvectors.h"
#include "kernels/side_by_side.h"
#include "runtime/error.h"

namespace stemma {
namespace {

std::vector<float> found(bool converged, const std::vector<double>& vectors) {
  if (!converged)
    throw Error(ErrorCode::unsupported,
                "the eigendecomposition of a curvature factor did not converge; the model's activations may not be finite");
  return {vectors.begin(), vectors.end()};
}

}  // namespace

std::vector<float> eigenvectors(Ops& ops, std::vector<double> matrix, int64_t n) {
  const bool converged = ops.eigenvectors(matrix.data(), n);
  return found(converged, matrix);
}

std::vector<float> eigenvectors(std::vector<double> matrix, int64_t n) {
  const bool converged = eigenvectors(matrix.data(), n);
  return found(converged, matrix);
}

int64_t decomposed_together(const Ops& ops, int64_t width) {
  return width < eigenvectors_on_one_thread ? threads_of(ops) : 1;
}

}  // namespace stemma

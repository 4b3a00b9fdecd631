// cuSOLVER's eigenvectors by LAPACK, of the triangle that was named.
#include "kernels/influence/eigenvectors.h"

#include "tests/kernels/emulated/include/cusolverDn.h"

struct CusolverHandle {
  cudaStream_t stream = nullptr;
};

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t* handle) {
  return *handle = new CusolverHandle, CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle) { return delete handle, CUSOLVER_STATUS_SUCCESS; }
cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t stream) {
  return handle->stream = stream, CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnXsyevd_bufferSize(cusolverDnHandle_t, cusolverDnParams_t, cusolverEigMode_t,
                                             cublasFillMode_t, int64_t n, cudaDataType, const void*, int64_t,
                                             cudaDataType, const void*, cudaDataType, size_t* device_bytes,
                                             size_t* host_bytes) {
  *device_bytes = static_cast<size_t>(n) * sizeof(double), *host_bytes = 8;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnXsyevd(cusolverDnHandle_t handle, cusolverDnParams_t, cusolverEigMode_t, cublasFillMode_t,
                                  int64_t n, cudaDataType, void* a, int64_t lda, cudaDataType, void* values,
                                  cudaDataType, void* work, size_t work_bytes, void*, size_t, int* info) {
  if (n < 1 || lda != n || work_bytes < static_cast<size_t>(n) * sizeof(double)) return CUSOLVER_STATUS_INVALID_VALUE;
  emulated::queue(handle->stream, [=] {
    *info = stemma::eigenvectors(static_cast<double*>(a), n) ? 0 : 1;
    for (int64_t i = 0; i < n; ++i) static_cast<double*>(values)[i] = static_cast<double*>(work)[i] = 0;  // unused
  });
  return CUSOLVER_STATUS_SUCCESS;
}

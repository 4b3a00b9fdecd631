// What the plugin asks of cuSOLVER (eigenvectors.cpp).
#pragma once

#include "tests/kernels/emulated/include/cublasLt.h"

enum cusolverStatus_t { CUSOLVER_STATUS_SUCCESS, CUSOLVER_STATUS_INVALID_VALUE };
enum cusolverEigMode_t { CUSOLVER_EIG_MODE_VECTOR };
enum cublasFillMode_t { CUBLAS_FILL_MODE_UPPER };
using cusolverDnHandle_t = struct CusolverHandle*;
using cusolverDnParams_t = struct CusolverParameters*;

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t* handle);
cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle);
cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t stream);
cusolverStatus_t cusolverDnXsyevd_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t parameters,
                                             cusolverEigMode_t mode, cublasFillMode_t triangle, int64_t n,
                                             cudaDataType type_a, const void* a, int64_t lda, cudaDataType type_values,
                                             const void* values, cudaDataType type_compute, size_t* device_bytes,
                                             size_t* host_bytes);
cusolverStatus_t cusolverDnXsyevd(cusolverDnHandle_t handle, cusolverDnParams_t parameters, cusolverEigMode_t mode,
                                  cublasFillMode_t triangle, int64_t n, cudaDataType type_a, void* a, int64_t lda,
                                  cudaDataType type_values, void* values, cudaDataType type_compute, void* work,
                                  size_t work_bytes, void* host_work, size_t host_bytes, int* info);

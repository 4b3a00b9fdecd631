// Eigenvectors on the host, as of Ops: what is too narrow to send to a device.
#pragma once

#include <cstdint>

namespace stemma {

// Narrower matrices are one thread's, which decomposes them sooner than several that wait for each other.
constexpr int64_t eigenvectors_on_one_thread = 2048;

// matrix (n,n) symmetric; see Ops::eigenvectors.
bool eigenvectors(double* matrix, int64_t n);

}  // namespace stemma

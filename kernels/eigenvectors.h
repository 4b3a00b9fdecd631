// Eigenvectors on the host, as of Ops: what is too narrow to send to a device.
#pragma once

#include <cstdint>

namespace stemma {

// matrix (n,n) symmetric; see Ops::eigenvectors.
bool eigenvectors(double* matrix, int64_t n);

}  // namespace stemma

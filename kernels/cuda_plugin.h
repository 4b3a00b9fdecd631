// What the program and the CUDA plugin agree on. The plugin is a library of its own (libstemma_cuda.so), loaded at run
// time, so these three C functions are all that crosses; no exception does.
#pragma once

#include <cstddef>

#include "kernels/ops.h"

namespace stemma {

// Raise it with every change of class Ops or of the structs that it takes: a plugin of another number is refused.
inline constexpr int cuda_plugin_abi = 13;

}  // namespace stemma

extern "C" {
int stemma_cuda_abi();
// Null on failure; `why` then holds one sentence, cut to `why_bytes`.
stemma::Ops* stemma_cuda_create(int index, char* why, size_t why_bytes);
void stemma_cuda_destroy(stemma::Ops* ops);
}

// The MPI plugin (libstemma_mpi.so) and what the launcher of MPI processes says in the environment. The program links
// nothing of MPI: the plugin is loaded where a launcher started several of us.
#pragma once

#include <cstddef>
#include <memory>

#include "runtime/ranks/ranks.h"

namespace stemma {

// Raise it with every change of class Mailbox or of Letter.
inline constexpr int mpi_plugin_abi = 1;

struct Launch {
  int rank = 0, size = 1;  // (0, 1): by no launcher
};
Launch launch_of_environment();

// The ranks of this run; alone where no launcher started more. Throws Error where they cannot speak to each other.
Ranks launched_ranks();

}  // namespace stemma

extern "C" {
int stemma_mpi_abi();
// Null on failure; `why` then holds one sentence, cut to `why_bytes`.
stemma::Mailbox* stemma_mpi_create(char* why, size_t why_bytes);
}

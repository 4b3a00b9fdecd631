#include "runtime/ranks/mpi_plugin.h"

#include <fmt/format.h>

#include <cstdlib>
#include <string>

#include "kernels/plugin.h"

namespace stemma {

namespace {

const std::string plugin_name = "libstemma_mpi.so";

int number_in_environment(std::initializer_list<const char*> names, int otherwise) {
  for (const char* name : names)
    if (const char* text = std::getenv(name)) return std::atoi(text);
  return otherwise;
}

std::string why_not(const std::string& said) {
  if (said.starts_with(plugin_name))
    return plugin_name + ", which is built where MPI's compiler is found, is not beside it";
  return "its MPI plugin does not load: " + said;
}

}  // namespace

// MPICH's hydra, Slurm's PMI-2 and Intel's mpirun set PMI_*; Open MPI OMPI_*; Slurm's PMIx PMIX_RANK and its own.
Launch launch_of_environment() {
  Launch launch;
  launch.rank = number_in_environment({"PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK"}, -1);
  if (launch.rank < 0) return {};
  launch.size = number_in_environment({"PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"}, 1);
  return launch.size > 1 ? launch : Launch();
}

Ranks launched_ranks() {
  const Launch launch = launch_of_environment();
  if (launch.size == 1) return Ranks();
  const auto refuse = [&](const std::string& why) {
    return Error(ErrorCode::unsupported,
                 fmt::format("{} of this program were started together, but {}; start one of them, or install both "
                             "Stemma and the launcher for one MPI",
                             launch.size, why));
  };
  std::string said;
  void* library = load_plugin(plugin_name, said);
  if (!library) throw refuse(why_not(said));
  const auto abi = plugin_function<decltype(stemma_mpi_abi)>(library, "stemma_mpi_abi");
  const auto create = plugin_function<decltype(stemma_mpi_create)>(library, "stemma_mpi_create");
  if (!abi || !create || abi() != mpi_plugin_abi) throw refuse("the MPI plugin belongs to another version of Stemma");
  char why[512] = "";
  std::unique_ptr<Mailbox> mailbox(create(why, sizeof why));
  if (!mailbox) throw refuse(why);
  if (mailbox->size() != launch.size) throw refuse("the MPI plugin was built for another MPI than the launcher's");
  return Ranks(std::move(mailbox));
}

}  // namespace stemma

// Finds and loads the CUDA plugin. The host program links nothing of CUDA.
#include "kernels/cuda_plugin.h"

#include <dlfcn.h>

#include "kernels/plugin.h"

namespace stemma {
namespace {

const std::string plugin_name = "libstemma_cuda.so";

std::string why_not(const std::string& said) {
  if (said.starts_with(plugin_name))
    return "the CUDA plugin " + plugin_name +
           " is not installed: not beside the program, in ../lib/stemma or on the loader's path";
  if (said.starts_with("libcu")) return "the CUDA libraries that the plugin needs are not installed: " + said;
  return "the CUDA plugin does not load: " + said;
}

}  // namespace

bool has_cuda_driver() { return dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL); }

std::shared_ptr<Ops> make_cuda_ops(int index, std::string& why) {
  why.clear();
  std::string said;
  void* library = load_plugin(plugin_name, said);
  if (!library) {
    why = why_not(said);
    return nullptr;
  }
  const auto abi = plugin_function<decltype(stemma_cuda_abi)>(library, "stemma_cuda_abi");
  const auto create = plugin_function<decltype(stemma_cuda_create)>(library, "stemma_cuda_create");
  const auto destroy = plugin_function<decltype(stemma_cuda_destroy)>(library, "stemma_cuda_destroy");
  if (!abi || !create || !destroy || abi() != cuda_plugin_abi) {
    why = "the CUDA plugin belongs to another version of Stemma; install both from one package";
    return nullptr;
  }
  char reason[512] = "";
  Ops* ops = create(index, reason, sizeof(reason));
  if (!ops) {
    why = reason;
    return nullptr;
  }
  return {ops, destroy};
}

}  // namespace stemma

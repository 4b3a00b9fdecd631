// Finds and loads the CUDA plugin. The host program links nothing of CUDA.
#include "kernels/cuda_plugin.h"

#include <dlfcn.h>

#include <filesystem>
#include <string_view>

namespace stemma {
namespace {

constexpr const char* plugin_name = "libstemma_cuda.so";

// Null, and says why, where the plugin or a library that it needs is missing.
void* load_plugin(std::string& why) {
  std::error_code unreadable;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", unreadable).parent_path();
  std::string path = plugin_name;
  if (!unreadable)
    for (const auto& folder : {program, program / ".." / "lib" / "stemma"})
      if (const auto place = folder / plugin_name; path == plugin_name && std::filesystem::exists(place, unreadable))
        path = place;
  if (void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;

  const char* reason = dlerror();
  const std::string_view said = reason ? reason : "the loader does not say why";
  if (path == plugin_name && said.starts_with(plugin_name))
    why = "the CUDA plugin " + path +
          " is not installed: not beside the program, in ../lib/stemma or on the loader's path";
  else if (said.starts_with("libcu"))
    why = "the CUDA libraries that the plugin needs are not installed: " + std::string(said);
  else
    why = "the CUDA plugin does not load: " + std::string(said);
  return nullptr;
}

template <class Function>
Function* symbol(void* library, const char* name) {
  return reinterpret_cast<Function*>(dlsym(library, name));
}

}  // namespace

std::shared_ptr<Ops> make_cuda_ops(int index, std::string& why) {
  why.clear();
  void* library = load_plugin(why);  // stays loaded: CUDA does not survive being unloaded
  if (!library) return nullptr;
  const auto abi = symbol<decltype(stemma_cuda_abi)>(library, "stemma_cuda_abi");
  const auto create = symbol<decltype(stemma_cuda_create)>(library, "stemma_cuda_create");
  const auto destroy = symbol<decltype(stemma_cuda_destroy)>(library, "stemma_cuda_destroy");
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

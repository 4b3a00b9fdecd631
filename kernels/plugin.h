// Finds and loads a library of Stemma's own that stays apart because of what it links (CUDA, MPI).
#pragma once

#include <string>

namespace stemma {

// Looks beside the program, in ../lib/stemma, then on the loader's path. Null where it or a library that it needs is
// missing; `said` then holds the loader's words, and starts with `name` where the plugin itself is nowhere. It stays
// loaded: neither CUDA nor MPI survives being unloaded.
void* load_plugin(const std::string& name, std::string& said);

void* plugin_symbol(void* plugin, const char* name);

template <class Function>
Function* plugin_function(void* plugin, const char* name) {
  return reinterpret_cast<Function*>(plugin_symbol(plugin, name));
}

}  // namespace stemma

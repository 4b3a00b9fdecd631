#include <cstdint>

#include "runtime/error.h"
#include "runtime/model/files/checkpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stemma;
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto& [tensor, shard] : parse_shard_index(text, "model.safetensors.index.json"))
      if (shard.empty() || shard == "." || shard == ".." || shard.find('/') != std::string::npos) __builtin_trap();
  } catch (const Error&) {
  }
  return 0;
}

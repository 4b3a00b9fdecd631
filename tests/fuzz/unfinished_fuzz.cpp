// What an earlier run left beside its result, from strangers: it is read whole, or a sentence says that it is not used.
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "runtime/error.h"
#include "runtime/influence/unfinished.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("stemma-fuzz-" + std::to_string(::getpid()) + ".unfinished");
  std::ofstream(file, std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  const stemma::UnfinishedWork kept(file, "key", stemma::Control());
  try {
    if (!kept.stage().empty()) kept.part("a", 3);
  } catch (const stemma::Error&) {
    // Of another length.
  }
  std::filesystem::remove(file);
  return 0;
}

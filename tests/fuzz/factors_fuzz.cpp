// Curvature factors from strangers: they load whole or throw an Error.
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "runtime/error.h"
#include "runtime/influence/curvature/factors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("stemma-fuzz-" + std::to_string(::getpid()) + ".h5");
  std::ofstream(file, std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  try {
    stemma::load_factors(file);
  } catch (const stemma::Error&) {
    // What a bad file deserves.
  }
  std::filesystem::remove(file);
  return 0;
}

// Recordings from strangers: what is there is read, and a crash's traces are repaired, or an Error is thrown.
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <vector>

#include "runtime/error.h"
#include "runtime/session/activation_reader.h"
#include "runtime/session/activations_file.h"
#include "runtime/session/session.h"

namespace fs = std::filesystem;

namespace {

void read_all(const fs::path& session, const fs::path& activations) {
  for (const std::string& site : stemma::recorded_sites(activations, "t001")) try {
      const stemma::ActivationReader reader(session, "t001", site);
      const int64_t tokens = std::min<int64_t>(reader.tokens(), 64);
      std::vector<float> values(static_cast<size_t>(tokens * reader.width()));
      reader.read(0, tokens, values.data());
      reader.read(reader.tokens() - tokens, reader.tokens(), values.data());
    } catch (const stemma::Error&) {
      // What a bad site deserves.
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fs::path folder = fs::temp_directory_path() / ("stemma-fuzz-" + std::to_string(::getpid())),
                 session = folder / "S.h5", activations = stemma::activations_path(session);
  fs::create_directories(folder);
  std::ofstream(activations, std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  read_all(session, activations);
  try {
    stemma::bears_crash_mark(activations);
    stemma::repair_activations(activations);
    read_all(session, activations);
  } catch (const stemma::Error&) {
    // What a bad file deserves.
  }
  fs::remove_all(folder);
  return 0;
}

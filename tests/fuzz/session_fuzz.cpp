// Sessions and running logs from strangers: they load whole, and can be saved again, or an Error is thrown.
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "runtime/error.h"
#include "runtime/session/session.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::filesystem::path session =
      std::filesystem::temp_directory_path() / ("stemma-fuzz-" + std::to_string(::getpid()) + ".h5");
  for (const std::filesystem::path& path : {session, stemma::running_path(session)}) {
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    try {
      stemma::Session loaded = stemma::load_session(session);
      for (const auto& [trace, sites] : loaded.activations) {
        for (const std::string& site : sites) stemma::read_activations(session, trace, site);
      }
      for (const auto& [trace, attention] : loaded.attention) stemma::read_step_attention(session, trace);
      stemma::save_session(loaded, session);
    } catch (const stemma::Error&) {
      // What a bad file deserves.
    }
    std::filesystem::remove(path);
  }
  return 0;
}

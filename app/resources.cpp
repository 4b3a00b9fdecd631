#include "app/resources.h"

#include <cstdlib>
#include <system_error>

namespace stemma {

namespace fs = std::filesystem;

fs::path resources_folder() {
  static const fs::path folder = [] {
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    if (!error) {
      const fs::path installed = program.parent_path().parent_path() / "share" / "stemma";
      if (fs::exists(installed / "demo", error)) return installed;
    }
    return fs::path(STEMMA_RESOURCES);
  }();
  return folder;
}

fs::path demo_session() { return resources_folder() / "demo" / "demo.h5"; }
fs::path demo_model() { return resources_folder() / "demo" / "model"; }
fs::path demo_factors() { return demo_model() / "factors.h5"; }
fs::path demo_corpus() { return resources_folder() / "demo" / "corpus.jsonl.zst"; }

fs::path data_folder() {
  fs::path folder;
  if (const char* data = std::getenv("XDG_DATA_HOME"); data && *data) {
    folder = data;
  } else if (const char* home = std::getenv("HOME"); home && *home) {
    folder = fs::path(home) / ".local" / "share";
  } else {
    folder = fs::temp_directory_path();
  }
  folder /= "stemma";
  std::error_code error;
  fs::create_directories(folder, error);
  return folder;
}

}  // namespace stemma

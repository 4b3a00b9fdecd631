#include "runtime/session/file_kind.h"

#include "runtime/error.h"
#include "runtime/session/hdf5_file.h"

namespace stemma {

std::optional<std::string> kind_of_hdf5(const std::filesystem::path& path) {
  try {
    const Hdf5File file = Hdf5File::open(path);
    const Hdf5Node root = file.root();
    return root.has_attribute("format") ? root.text("format") : "";
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace stemma

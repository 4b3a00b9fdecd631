// An HDF5 file that is there whole or not at all, for those too large to be made in memory.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "runtime/session/hdf5_file.h"

namespace stemma {

enum class Existing { replace, keep };

// `write` fills a file beside `path`, which is then synced and given its name. `what` it is, for the sentences: "the
// factors". Throws Error(disk), and with Existing::keep Error(does_not_fit) where the name is taken; `path` is as it
// was.
void write_whole(const std::filesystem::path& path, const std::string& what,
                 const std::function<void(const Hdf5Node& root)>& write, Existing existing = Existing::replace);

}  // namespace stemma

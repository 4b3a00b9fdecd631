// What an HDF5 file calls itself, whoever's it is: "stemma-session", "stemma-factors", "stemma-index",
// "stemma-index-part".
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace stemma {

// Empty where the file has no name for its kind, nothing where it is no HDF5 file that opens.
std::optional<std::string> kind_of_hdf5(const std::filesystem::path& path);

}  // namespace stemma

// For files too large to be made in memory: written beside by whoever makes them, then given their name.
#pragma once

#include <filesystem>

namespace stemma {

// Syncs `beside`, gives it the name `path`, syncs the folder. Throws Error(disk); `path` then is as it was.
void rename_whole(const std::filesystem::path& beside, const std::filesystem::path& path);
// The same, but where `path` is there already: then returns false, and `beside` is dropped.
bool name_whole(const std::filesystem::path& beside, const std::filesystem::path& path);

}  // namespace stemma

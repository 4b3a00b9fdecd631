// Remembers which file this program last read or wrote at a path, so that another program's work is not overwritten.
#pragma once

#include <filesystem>

namespace stemma {

void remember_file(const std::filesystem::path& path);
bool is_same_file(const std::filesystem::path& path);  // there is one, and it is the one remembered
// Throws Error if there is a file that differs from the one remembered. Knows nothing against a path never remembered.
void check_same_file(const std::filesystem::path& path);

}  // namespace stemma

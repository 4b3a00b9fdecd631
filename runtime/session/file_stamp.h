// Remembers which file this program last read or wrote at a path, so that another program's work is not overwritten.
#pragma once

#include <filesystem>
#include <string>

namespace stemma {

// One name for a file, however its path is written and whether or not it is there yet.
std::string key_of(const std::filesystem::path& path);

void remember_file(const std::filesystem::path& path);
bool is_same_file(const std::filesystem::path& path);  // there is one, and it is the one remembered
// Throws Error if there is a file that differs from the one remembered. Knows nothing against a path never remembered.
void check_same_file(const std::filesystem::path& path);

}  // namespace stemma

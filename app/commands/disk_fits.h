// Whether what a command will write fits on its disk, before it works for it.
#pragma once

#include <filesystem>
#include <string>

namespace stemma {

// Throws Error(disk) where less than `bytes` are free beside `file`, naming `what` it is and what would take less.
void expect_disk_to_fit(const std::filesystem::path& file, double bytes, const std::string& what,
                        const std::string& remedy);

}  // namespace stemma

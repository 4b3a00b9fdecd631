// The library trusts the lengths written in a file's heaps of texts and copies past their end. This looks first.
#pragma once

#include <filesystem>

namespace stemma {

// Throws Error where an object of a global heap claims more bytes than its heap, or a heap more than the file.
void check_heaps(const std::filesystem::path& path);

}  // namespace stemma

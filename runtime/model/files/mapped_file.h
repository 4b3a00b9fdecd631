// A file's bytes, mapped read-only as long as this lives.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace stemma {

class MappedFile {
 public:
  // Throws Error: missing, not a file, cannot be mapped.
  explicit MappedFile(const std::filesystem::path& path);
  // The file that is open under `descriptor`, which stays the caller's; `path` names it.
  MappedFile(int descriptor, const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
};

}  // namespace stemma

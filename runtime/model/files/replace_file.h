// A file that is replaced whole: written beside, synced, renamed. A crash leaves the old one or the new one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace stemma {

class FileReplacement {
 public:
  explicit FileReplacement(const std::filesystem::path& path);  // all throw Error(disk)
  ~FileReplacement();                                           // without commit the old file stays
  FileReplacement(const FileReplacement&) = delete;
  FileReplacement& operator=(const FileReplacement&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  void commit();

 private:
  [[noreturn]] void fail() const;
  std::filesystem::path path_, beside_;
  int descriptor_ = -1;
};

}  // namespace stemma

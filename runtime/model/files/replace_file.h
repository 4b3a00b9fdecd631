// A file that is replaced whole: written beside, synced, renamed. A crash leaves the old one or the new one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace stemma {

// The name of a file to write in place of `path`, in the same folder: this process's own. What killed ones left there
// under theirs is removed, once it is old: other machines may share the folder.
std::filesystem::path name_beside(const std::filesystem::path& path);

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

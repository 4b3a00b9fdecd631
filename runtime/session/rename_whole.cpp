#include "runtime/session/rename_whole.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "runtime/error.h"

namespace stemma {

namespace {

bool sync_path(const std::filesystem::path& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) return false;
  const bool good = ::fsync(file) == 0;
  ::close(file);
  return good;
}

void sync_folder_of(const std::filesystem::path& path) {
  sync_path(path.has_parent_path() ? path.parent_path() : std::filesystem::path("."), O_RDONLY | O_DIRECTORY);
}

}  // namespace

void rename_whole(const std::filesystem::path& beside, const std::filesystem::path& path) {
  if (!sync_path(beside, O_RDONLY) || ::rename(beside.c_str(), path.c_str()) != 0) {
    throw Error(ErrorCode::disk, fmt::format("{}: cannot be written ({})", path.string(), std::strerror(errno)));
  }
  sync_folder_of(path);
}

bool name_whole(const std::filesystem::path& beside, const std::filesystem::path& path) {
  // A second name is refused where one is there; a file system without second names renames.
  const bool linked = sync_path(beside, O_RDONLY) && ::link(beside.c_str(), path.c_str()) == 0;
  const bool taken = !linked && errno == EEXIST;
  if (!linked && !taken) {
    rename_whole(beside, path);
    return true;
  }
  ::unlink(beside.c_str());
  sync_folder_of(path);
  return linked;
}

}  // namespace stemma

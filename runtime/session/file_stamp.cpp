#include "runtime/session/file_stamp.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <map>
#include <mutex>
#include <optional>

#include "runtime/error.h"

namespace stemma {

namespace {

using Stamp = std::array<int64_t, 5>;

std::mutex stamps_mutex;
std::map<std::string, Stamp> stamps;

std::optional<Stamp> stamp_of(const std::filesystem::path& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return Stamp{static_cast<int64_t>(info.st_dev), static_cast<int64_t>(info.st_ino), static_cast<int64_t>(info.st_size),
               static_cast<int64_t>(info.st_mtim.tv_sec), static_cast<int64_t>(info.st_mtim.tv_nsec)};
}

}  // namespace

std::string key_of(const std::filesystem::path& path) {
  std::error_code failed;
  // Made absolute first: the canonical path of a relative one changes as its file comes to be.
  std::filesystem::path whole = std::filesystem::absolute(path, failed);
  if (!failed) whole = std::filesystem::weakly_canonical(whole, failed);
  return (failed ? path : whole).string();
}

void remember_file(const std::filesystem::path& path) {
  std::lock_guard guard(stamps_mutex);
  if (const auto stamp = stamp_of(path)) stamps[key_of(path)] = *stamp;
}

bool is_same_file(const std::filesystem::path& path) {
  std::lock_guard guard(stamps_mutex);
  const auto known = stamps.find(key_of(path));
  return known != stamps.end() && stamp_of(path) == known->second;
}

void check_same_file(const std::filesystem::path& path) {
  std::lock_guard guard(stamps_mutex);
  const auto known = stamps.find(key_of(path));
  const auto stamp = stamp_of(path);
  if (known == stamps.end() || !stamp || *stamp == known->second) return;
  throw Error(
      ErrorCode::disk,
      fmt::format("{}: was changed by another program since it was opened; open it again, or save under another name",
                  path.string()));
}

}  // namespace stemma

#include "runtime/model/files/replace_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>

#include "runtime/error.h"

namespace stemma {

namespace fs = std::filesystem;

namespace {

constexpr auto old = std::chrono::minutes(10);  // since the last byte

bool was_left(const fs::path& file, std::string_view process) {
  pid_t id = 0;
  const auto read = std::from_chars(process.data(), process.data() + process.size(), id);
  if (read.ec != std::errc() || read.ptr != process.data() + process.size() || id <= 0) return false;
  std::error_code failed;
  const auto written = fs::last_write_time(file, failed);
  return !failed && ::kill(id, 0) != 0 && errno == ESRCH && fs::file_time_type::clock::now() - written > old;
}

}  // namespace

fs::path name_beside(const fs::path& path) {
  const std::string start = path.filename().string() + ".part-";
  std::error_code failed;
  for (const auto& entry :
       fs::directory_iterator(path.has_parent_path() ? path.parent_path() : fs::path("."), failed)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(start) && was_left(entry.path(), std::string_view(name).substr(start.size())))
      fs::remove(entry.path(), failed);
  }
  return fmt::format("{}.part-{}", path.string(), ::getpid());
}

FileReplacement::FileReplacement(const std::filesystem::path& path) : path_(path), beside_(name_beside(path)) {
  descriptor_ = ::open(beside_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail();
}

FileReplacement::~FileReplacement() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(beside_.c_str());
}

void FileReplacement::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(descriptor_, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) fail();
    bytes = bytes.subspan(static_cast<size_t>(wrote));
  }
}

void FileReplacement::write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

void FileReplacement::commit() {
  if (::fsync(descriptor_) != 0 || ::rename(beside_.c_str(), path_.c_str()) != 0) fail();
  ::close(descriptor_);
  descriptor_ = -1;
  const std::string folder = path_.has_parent_path() ? path_.parent_path().string() : ".";
  if (const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); directory >= 0) {
    ::fsync(directory);
    ::close(directory);
  }
}

void FileReplacement::fail() const {
  throw Error(ErrorCode::disk, fmt::format("{}: cannot be written ({})", path_.string(), std::strerror(errno)));
}

}  // namespace stemma

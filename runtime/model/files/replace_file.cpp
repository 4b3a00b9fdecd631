#include "runtime/model/files/replace_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/error.h"

namespace stemma {

FileReplacement::FileReplacement(const std::filesystem::path& path)
    : path_(path), beside_(fmt::format("{}.part-{}", path.string(), ::getpid())) {
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

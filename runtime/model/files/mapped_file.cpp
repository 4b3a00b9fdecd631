#include "runtime/model/files/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/error.h"

namespace stemma {

namespace {

std::span<const std::byte> mapped(int descriptor, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
    throw Error(ErrorCode::bad_file, fmt::format("{}: not a file", path.string()));
  const auto size = static_cast<size_t>(status.st_size);
  void* memory = size ? ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0) : nullptr;
  if (memory == MAP_FAILED)
    throw Error(ErrorCode::disk, fmt::format("{}: cannot be mapped ({})", path.string(), std::strerror(errno)));
  return {static_cast<const std::byte*>(memory), size};
}

class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& path) : descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor < 0)
      throw Error(errno == ENOENT ? ErrorCode::not_found : ErrorCode::disk,
                  fmt::format("{}: cannot be opened ({})", path.string(), std::strerror(errno)));
  }
  ~OpenFile() { ::close(descriptor); }
  OpenFile(const OpenFile&) = delete;
  const int descriptor;
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : MappedFile(OpenFile(path).descriptor, path) {}

MappedFile::MappedFile(int descriptor, const std::filesystem::path& path)
    : path_(path), bytes_(mapped(descriptor, path)) {}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace stemma

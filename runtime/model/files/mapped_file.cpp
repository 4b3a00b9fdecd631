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

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    throw Error(errno == ENOENT ? ErrorCode::not_found : ErrorCode::disk,
                fmt::format("{}: cannot be opened ({})", path.string(), std::strerror(errno)));
  struct stat status {};
  const bool regular = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  const auto size = static_cast<size_t>(regular ? status.st_size : 0);
  void* memory = size ? ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0) : nullptr;
  const int failure = errno;
  ::close(descriptor);
  if (!regular) throw Error(ErrorCode::bad_file, fmt::format("{}: not a file", path.string()));
  if (memory == MAP_FAILED)
    throw Error(ErrorCode::disk, fmt::format("{}: cannot be mapped ({})", path.string(), std::strerror(failure)));
  bytes_ = {static_cast<const std::byte*>(memory), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace stemma

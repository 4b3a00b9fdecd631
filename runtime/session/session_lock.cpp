#include "runtime/session/session_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>

#include "runtime/error.h"
#include "runtime/session/session.h"

namespace stemma {

namespace {

std::mutex mutex;
std::map<std::string, std::weak_ptr<SessionLock>>& held() {
  static std::map<std::string, std::weak_ptr<SessionLock>> locks;
  return locks;
}

std::string key_of(const std::filesystem::path& session) {
  std::error_code failed;
  // Made absolute first: the canonical path of a relative one changes as its file comes to be.
  const std::filesystem::path whole = std::filesystem::weakly_canonical(std::filesystem::absolute(session), failed);
  return (failed ? session : whole).string();
}

[[noreturn]] void refuse(const std::filesystem::path& session) {
  throw Error(ErrorCode::disk,
              fmt::format("{}: another program is generating into it; wait until it is done or name another session",
                          session.string()));
}

}  // namespace

std::shared_ptr<SessionLock> SessionLock::take(const std::filesystem::path& session) {
  std::lock_guard guard(mutex);
  std::weak_ptr<SessionLock>& entry = held()[key_of(session)];
  if (std::shared_ptr<SessionLock> lock = entry.lock()) return lock;
  const std::filesystem::path path = running_path(session);
  for (;;) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0) {
      throw Error(ErrorCode::disk, fmt::format("{}: cannot be written ({}); choose another folder", path.string(),
                                               std::strerror(errno)));
    }
    // A file system without locks: go on without one.
    if (::flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      ::close(file);
      refuse(session);
    }
    struct stat opened, named;
    if (::fstat(file, &opened) == 0 && ::stat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino) {
      std::shared_ptr<SessionLock> lock(new SessionLock(path, file));
      entry = lock;
      return lock;
    }
    ::close(file);  // its last holder removed it meanwhile
  }
}

SessionLock::~SessionLock() {
  struct stat info;
  if (::fstat(file_, &info) == 0 && info.st_size == 0) ::unlink(path_.c_str());
  ::close(file_);
}

Writer writer_of(const std::filesystem::path& session) {
  std::lock_guard guard(mutex);
  if (!held()[key_of(session)].expired()) return Writer::this_program;
  const int file = ::open(running_path(session).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Writer::none;
  const bool free = ::flock(file, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK;
  ::close(file);
  return free ? Writer::none : Writer::another_program;
}

void check_not_written(const std::filesystem::path& session) {
  if (writer_of(session) == Writer::another_program) refuse(session);
}

}  // namespace stemma

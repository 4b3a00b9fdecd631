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
#include "runtime/session/file_stamp.h"
#include "runtime/session/session.h"

namespace stemma {

namespace {

std::mutex locks_mutex;
std::map<std::string, std::weak_ptr<SessionLock>>& held() {
  static std::map<std::string, std::weak_ptr<SessionLock>> locks;
  return locks;
}

// Whether the open file is still the one that is found under the log's name.
bool has_name(int file, const std::filesystem::path& session) {
  struct stat opened, named;
  return ::fstat(file, &opened) == 0 && ::stat(running_path(session).c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino;
}

[[noreturn]] void refuse(const std::filesystem::path& session) {
  throw Error(ErrorCode::disk,
              fmt::format("{}: another program is generating into it; wait until it is done or name another session",
                          session.string()));
}

}  // namespace

std::shared_ptr<SessionLock> SessionLock::take(const std::filesystem::path& session) {
  std::lock_guard guard(locks_mutex);
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
    if (has_name(file, session)) {
      std::shared_ptr<SessionLock> lock(new SessionLock(path, file));
      entry = lock;
      return lock;
    }
    ::close(file);  // its last holder removed or replaced it meanwhile
  }
}

void SessionLock::replace(const std::string& content) {
  const std::filesystem::path beside = path_.string() + ".new";
  const int file = ::open(beside.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
  bool whole = file >= 0;
  if (whole) ::flock(file, LOCK_EX | LOCK_NB);  // before it has the name that others look for
  for (size_t done = 0; whole && done < content.size();) {
    const ssize_t wrote = ::write(file, content.data() + done, content.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    whole = wrote > 0;
    if (whole) done += static_cast<size_t>(wrote);
  }
  whole = whole && ::fsync(file) == 0 && ::rename(beside.c_str(), path_.c_str()) == 0;
  if (!whole) {
    const std::string why = std::strerror(errno);
    if (file >= 0) ::close(file);
    ::unlink(beside.c_str());
    throw Error(ErrorCode::disk, fmt::format("{}: cannot be written ({}); make room", beside.string(), why));
  }
  ::close(file_);
  file_ = file;
}

SessionLock::~SessionLock() {
  struct stat info;
  if (::fstat(file_, &info) == 0 && info.st_size == 0) ::unlink(path_.c_str());
  ::close(file_);
}

Writer writer_of(const std::filesystem::path& session) {
  std::lock_guard guard(locks_mutex);
  if (!held()[key_of(session)].expired()) return Writer::this_program;
  for (;;) {
    const int file = ::open(running_path(session).c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return Writer::none;
    const bool free = ::flock(file, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK, named = has_name(file, session);
    ::close(file);
    if (!free) return Writer::another_program;
    if (named) return Writer::none;  // else it was replaced or removed meanwhile
  }
}

void check_not_written(const std::filesystem::path& session) {
  if (writer_of(session) == Writer::another_program) refuse(session);
}

}  // namespace stemma

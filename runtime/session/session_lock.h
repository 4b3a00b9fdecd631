// One program at a time writes to a session while it generates: whoever holds S.h5.running, by flock.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace stemma {

// Shared by the writers of one generation; released with the last of them, or by the system when the program dies.
class SessionLock {
 public:
  // Throws Error: another program holds it; the folder cannot be written.
  static std::shared_ptr<SessionLock> take(const std::filesystem::path& session);
  ~SessionLock();  // removes the file where it is empty
  SessionLock(const SessionLock&) = delete;
  SessionLock& operator=(const SessionLock&) = delete;

  int file() const { return file_; }  // where it ends is where it is written
  // The file becomes another one that holds `content`, whole or not at all, and the lock is on that. Throws Error.
  void replace(const std::string& content);
  bool has_log = false;  // a RunningLog writes to it

 private:
  SessionLock(std::filesystem::path path, int file) : path_(std::move(path)), file_(file) {}
  std::filesystem::path path_;
  int file_;
};

enum class Writer { none, this_program, another_program };
Writer writer_of(const std::filesystem::path& session);

// Throws Error where another program generates into the session.
void check_not_written(const std::filesystem::path& session);

}  // namespace stemma

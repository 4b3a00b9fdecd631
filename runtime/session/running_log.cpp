#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>

#include "runtime/error.h"
#include "runtime/session/capture.h"
#include "runtime/session/running_line.h"
#include "runtime/session/session.h"
#include "runtime/session/session_lock.h"

namespace stemma {

struct RunningLog::State {
  std::filesystem::path path;
  std::shared_ptr<SessionLock> lock;
  struct Lines {
    std::string text;  // all that was written of the trace
    bool ended = false;
  };
  std::map<std::string, Lines> begun;  // traces that have lines in it, by id
  off_t begin = 0, end = 0;  // of this generation's lines: before them may stand an earlier one that a crash left

  void write(const std::string& lines) {
    size_t done = 0;
    while (done < lines.size()) {
      const ssize_t wrote = ::write(lock->file(), lines.data() + done, lines.size() - done);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) {
        const std::string why = std::strerror(errno);
        // Half a line would hide what may yet follow it.
        if (::ftruncate(lock->file(), end) != 0) lock->has_log = false;
        throw Error(ErrorCode::disk,
                    fmt::format("{}: cannot be written ({}); make room and generate again", path.string(), why));
      }
      done += static_cast<size_t>(wrote);
    }
    end += static_cast<off_t>(lines.size());
  }
};

RunningLog::RunningLog(const std::filesystem::path& session) : state_(std::make_unique<State>()) {
  state_->path = running_path(session);
  state_->lock = SessionLock::take(session);
  if (state_->lock->has_log) {
    throw Error(ErrorCode::usage,
                fmt::format("{}: a generation into it is running; wait until it is done", session.string()));
  }
  state_->lock->has_log = true;
  struct stat info;
  if (::fstat(state_->lock->file(), &info) == 0) state_->begin = state_->end = info.st_size;
  // A line that a crash cut off must not join with ours.
  char last = '\n';
  if (state_->begin > 0 && ::pread(state_->lock->file(), &last, 1, state_->begin - 1) == 1 && last != '\n')
    state_->write("\n");
}

RunningLog::~RunningLog() {
  if (state_->lock) state_->lock->has_log = false;
}

void RunningLog::append(const Trace& trace, int32_t from) {
  std::string lines;
  if (!state_->begun.contains(trace.id)) lines += head_line(trace);
  for (int32_t i = from; i < trace.size(); ++i) lines += token_line(trace, i);
  state_->write(lines);
  state_->begun[trace.id].text += lines;
}

void RunningLog::end(const Trace& trace) {
  State::Lines& lines = state_->begun[trace.id];
  state_->write(end_line(trace));
  lines.ended = true;
  sync();
}

void RunningLog::saved() {
  std::string kept(static_cast<size_t>(state_->begin), '\0');
  const bool read = ::pread(state_->lock->file(), kept.data(), kept.size(), 0) == state_->begin;
  if (!read || std::erase_if(state_->begun, [](const auto& trace) { return trace.second.ended; }) == 0) return;
  for (const auto& [id, lines] : state_->begun) kept += lines.text;
  state_->lock->replace(kept);
  state_->end = static_cast<off_t>(kept.size());
}

void RunningLog::sync() { ::fdatasync(state_->lock->file()); }

void RunningLog::finish() {
  if (::ftruncate(state_->lock->file(), state_->begin) != 0) {
    throw Error(ErrorCode::disk, fmt::format("{}: cannot be emptied ({}); remove it by hand, the session is saved",
                                             state_->path.string(), std::strerror(errno)));
  }
  state_->lock->has_log = false;
  state_->lock.reset();
}

}  // namespace stemma

#include "runtime/session/recovery.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "runtime/corpus/line_reader.h"
#include "runtime/error.h"
#include "runtime/session/activations_file.h"
#include "runtime/session/running_line.h"
#include "runtime/session/session.h"
#include "runtime/session/session_lock.h"
#include "runtime/trace/labels.h"
#include "runtime/trace/steps.h"

namespace stemma {

std::vector<Trace> read_running_log(const std::filesystem::path& session) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(running_path(session), failed)) return {};
  std::vector<Trace> traces;
  LineReader lines(running_path(session));
  std::string_view line;
  std::map<std::string, size_t> known;  // by id, those that no line was cut off of
  const auto trace_of = [&](const std::string& id) -> Trace* {
    const auto found = known.find(id.empty() && !traces.empty() ? traces.back().id : id);
    return found == known.end() ? nullptr : &traces[found->second];
  };
  while (lines.next(line)) {
    Trace head;
    if (read_head_line(line, head)) {
      head.token_offsets = {0};
      head.stop_reason = "interrupted";
      head.completed = false;
      known[head.id] = traces.size();
      traces.push_back(std::move(head));
    } else if (!read_token_line(line, trace_of) && !read_end_line(line, trace_of)) {
      known.clear();
    }
  }
  std::erase_if(traces, [](const Trace& trace) { return trace.size() == 0; });
  for (Trace& trace : traces) {
    trace.prompt_tokens = std::min(trace.prompt_tokens, trace.size());
    trace.steps = split_steps(trace);
    label_steps(trace);
  }
  return traces;
}

bool is_saved(const Trace& logged, const std::vector<Trace>& saved) {
  return std::any_of(saved.begin(), saved.end(), [&](const Trace& trace) {
    return trace.created == logged.created && trace.prompt == logged.prompt && trace.sampler == logged.sampler &&
           trace.size() >= logged.size() && std::equal(logged.tokens.begin(), logged.tokens.end(), trace.tokens.begin());
  });
}

void remove_saved_log(const std::filesystem::path& session, const std::vector<Trace>& saved) {
  if (writer_of(session) != Writer::none || !std::filesystem::exists(running_path(session))) return;
  const std::shared_ptr<SessionLock> lock = SessionLock::take(session);
  const std::vector<Trace> logged = read_running_log(session);
  const bool all =
      std::all_of(logged.begin(), logged.end(), [&](const Trace& trace) { return is_saved(trace, saved); });
  if (!all) return;
  // The lock removes its file when it is empty.
  if (::ftruncate(lock->file(), 0) != 0) {
    throw Error(ErrorCode::disk,
                running_path(session).string() + ": cannot be emptied; remove it by hand, the session is saved");
  }
  if (bears_crash_mark(activations_path(session))) repair_activations(activations_path(session));
}

}  // namespace stemma

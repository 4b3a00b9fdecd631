#include "runtime/session/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/error.h"

namespace stemma {

const Trace* Session::find(const std::string& trace_id) const {
  const auto found =
      std::find_if(traces.begin(), traces.end(), [&](const Trace& trace) { return trace.id == trace_id; });
  return found == traces.end() ? nullptr : &*found;
}

Trace* Session::find(const std::string& trace_id) { return const_cast<Trace*>(std::as_const(*this).find(trace_id)); }

const InfluenceTable* Session::table(const std::string& trace_id, const std::string& method) const {
  const auto found = influence.find({trace_id, method});
  return found == influence.end() ? nullptr : &found->second;
}

std::string Session::new_trace_id(int64_t ahead) const {
  int64_t last = 0;
  for (const Trace& trace : traces) {
    const std::string& id = trace.id;
    const bool numbered =
        id.size() > 1 && id.size() < 12 && id[0] == 't' && id.find_first_not_of("0123456789", 1) == std::string::npos;
    if (numbered) last = std::max<int64_t>(last, std::stoll(id.substr(1)));
  }
  return fmt::format("t{:03d}", last + 1 + ahead);
}

std::filesystem::path activations_path(const std::filesystem::path& session) {
  std::filesystem::path path = session;
  return path.replace_extension(".activations.h5");
}

std::filesystem::path running_path(const std::filesystem::path& session) { return session.string() + ".running"; }

bool session_exists(const std::filesystem::path& path) {
  std::error_code failed;
  return std::filesystem::exists(path, failed) || std::filesystem::exists(running_path(path), failed);
}

}  // namespace stemma

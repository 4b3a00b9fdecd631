#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "runtime/error.h"
#include "runtime/session/activations_file.h"
#include "runtime/session/file_stamp.h"
#include "runtime/session/recovery.h"
#include "runtime/session/session.h"
#include "runtime/session/session_lock.h"
#include "runtime/session/store.h"

namespace stemma {

namespace fs = std::filesystem;

namespace {

std::string now() {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const std::time_t time = std::chrono::system_clock::to_time_t(seconds);
  std::tm utc;
  gmtime_r(&time, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec);
}

// The recordings that the file on disk knows: a save keeps them, wherever they lie.
class OldRecordings {
 public:
  explicit OldRecordings(const fs::path& session) : session_(session) {
    std::error_code failed;
    if (session.empty() || !fs::is_regular_file(session, failed)) return;
    try {
      file_ = Hdf5File::open(session);
      traces_ = file_->root().group("traces");
    } catch (const Error&) {
      file_.reset();  // it is about to be replaced by a sound one
    }
  }

  std::vector<std::string> sites(const std::string& trace_id) const {
    const auto group = recordings(trace_id);
    std::vector<std::string> sites;
    if (group) {
      for (const std::string& name : group->names()) sites.push_back(text_of_link(name));
    }
    return sites;
  }

  // Writes the recording into `target`, as a link or as the data themselves; false if this file knows none.
  bool carry(const std::string& trace_id, const std::string& site, const fs::path& path, const Hdf5Node& target) const {
    const auto group = recordings(trace_id);
    const std::string name = link_name(site);
    if (!group) return false;
    if (const auto link = group->outside_link(name)) {
      const auto place = place_of(session_, *link);
      if (!place) return false;
      target.link_outside(name, link_to(path, *place));
      return true;
    }
    if (!group->has(name)) return false;
    target.copy(name, *group, name);
    return true;
  }

  // Copies attention between steps where this file has it.
  void carry_attention(const std::string& trace_id, const Hdf5Node& target) const {
    const std::string name = link_name(trace_id);
    if (!file_ || !traces_.has(name) || !traces_.group(name).has("attention")) return;
    target.copy("attention", traces_.group(name), "attention");
  }

  // A recording whose file is not there at the moment.
  bool is_absent(const std::string& trace_id, const std::string& site) const {
    const auto group = recordings(trace_id);
    const auto link = group ? group->outside_link(link_name(site)) : std::nullopt;
    const auto place = link ? place_of(session_, *link) : std::nullopt;
    std::error_code failed;
    return place && !fs::exists(place->file, failed);
  }

 private:
  std::optional<Hdf5Node> recordings(const std::string& trace_id) const {
    const std::string name = link_name(trace_id);
    if (!file_ || !traces_.has(name)) return std::nullopt;
    const Hdf5Node trace = traces_.group(name);
    if (!trace.has("activations")) return std::nullopt;
    return trace.group("activations");
  }

  fs::path session_;
  std::optional<Hdf5File> file_;
  Hdf5Node traces_;
};

void write_recordings(const Hdf5Node& node, const Session& session, const std::string& trace_id, const fs::path& path,
                      const OldRecordings& old) {
  std::vector<std::string> sites;
  if (const auto found = session.activations.find(trace_id); found != session.activations.end()) sites = found->second;
  for (const std::string& site : old.sites(trace_id)) {
    if (std::find(sites.begin(), sites.end(), site) == sites.end() && old.is_absent(trace_id, site))
      sites.push_back(site);
  }
  if (sites.empty()) return;
  const Hdf5Node group = node.make_group("activations");
  group.set("source", "recorded");
  if (const auto check = session.checks.find(trace_id); check != session.checks.end()) {
    group.set("check_tokens", check->second.tokens);
    group.set("check_nats", check->second.nats);
    group.set("check_top1", check->second.top1);
  }
  // A recording made since the last save lies beside the session; under a new name, beside the old one.
  fs::path file = activations_path(path);
  if (!session.path.empty() && recorded_sites(file, trace_id).empty()) file = activations_path(session.path);
  for (const std::string& site : sites) {
    if (old.carry(trace_id, site, path, group)) continue;
    group.link_outside(link_name(site), link_to(path, {file, link_name(trace_id), link_name(site)}));
  }
}

void write_attention(const Hdf5Node& node, const Session& session, const std::string& trace_id,
                     const OldRecordings& old) {
  const auto found = session.attention.find(trace_id);
  if (found == session.attention.end()) return;
  if (found->second)
    write_step_attention(node, *found->second);
  else
    old.carry_attention(trace_id, node);
}

void check_names(const Session& session, const fs::path& path) {
  std::set<std::string> ids;
  for (const Trace& trace : session.traces) {
    if (trace.id.empty() || !ids.insert(trace.id).second) {
      throw Error(ErrorCode::usage,
                  fmt::format("{}: two traces are named \"{}\"; give each its own id", path.string(), trace.id));
    }
  }
}

// Once the recovered trace is in the session, what the crash left behind is put in order. Best effort: the session is
// safe.
void tidy_after_crash(const Session& session, const fs::path& path) {
  try {
    remove_saved_log(path, session.traces);
  } catch (const Error&) {
    // The next save tries again; a log that stays is recognised as saved.
  }
}

}  // namespace

void save_session(Session& session, const fs::path& path) {
  check_names(session, path);
  check_not_written(path);
  check_same_file(path);
  if (session.created.empty()) session.created = now();
  session.program = "stemma " STEMMA_VERSION;

  Hdf5File file = Hdf5File::in_memory(path);
  const Hdf5Node root = file.root();
  root.set("format", "stemma-session");
  root.set("version", session_version);
  root.set("created", session.created);
  root.set("program", session.program);
  const Hdf5Node models = root.make_group("models"), traces = root.make_group("traces");
  for (const auto& [hash, model] : session.models) write_model(models, model);
  {
    const OldRecordings old(session.path.empty() ? path : session.path);
    InfluenceWriter influence(root);
    int64_t order = 0;
    for (const Trace& trace : session.traces) {
      const Hdf5Node node = write_trace(traces, trace);
      node.set("order", order++);
      for (const auto& [key, table] : session.influence) {
        if (key.first == trace.id) influence.write(node, table);
      }
      write_recordings(node, session, trace.id, path, old);
      write_attention(node, session, trace.id, old);
    }
  }
  file.save();
  remember_file(path);
  session.path = path;
  for (auto& [trace, attention] : session.attention) attention.reset();  // it lies in the file now
  tidy_after_crash(session, path);
}

}  // namespace stemma

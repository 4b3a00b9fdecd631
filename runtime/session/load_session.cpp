#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "runtime/error.h"
#include "runtime/session/activation_reader.h"
#include "runtime/session/activations_file.h"
#include "runtime/session/file_stamp.h"
#include "runtime/session/recovery.h"
#include "runtime/session/session.h"
#include "runtime/session/session_lock.h"
#include "runtime/session/store.h"

namespace stemma {

namespace fs = std::filesystem;

namespace {

void check_format(const Hdf5Node& root, const fs::path& path) {
  if (!root.has_attribute("format") || root.text("format") != "stemma-session") {
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: an HDF5 file but no Stemma session; `stemma info` says what it is", path.string()));
  }
  const int64_t version = root.integer("version");
  if (version > session_version || version < 1) {
    throw Error(
        ErrorCode::unsupported,
        fmt::format("{}: a session of version {} made by {}, and this program reads version {}; use a newer Stemma",
                    path.string(), version,
                    root.has_attribute("program") ? root.text("program").substr(0, 60) : "another program",
                    session_version));
  }
}

// Sites of a trace whose recordings are there: in this file, or in the file that the link names.
std::vector<std::string> present_sites(const fs::path& session, const Hdf5Node& recordings,
                                       std::map<std::string, std::vector<std::string>>& known) {
  std::vector<std::string> sites;
  for (const std::string& name : recordings.names()) {
    const std::string site = text_of_link(name);
    if (const auto link = recordings.outside_link(name)) {
      const auto place = place_of(session, *link);
      if (!place) continue;
      const std::string key = place->file.string() + '\n' + place->trace;
      if (!known.contains(key)) known[key] = recorded_sites(place->file, text_of_link(place->trace));
      const std::vector<std::string>& there = known[key];
      if (std::find(there.begin(), there.end(), text_of_link(place->site)) != there.end()) sites.push_back(site);
    } else if (recordings.has(name)) {
      sites.push_back(site);
    }
  }
  return sites;
}

// As they stood in the session that was saved; those without a place first, by name.
std::vector<std::string> in_order(const Hdf5Node& traces) {
  std::vector<std::pair<int64_t, std::string>> places;
  for (const std::string& name : traces.names()) {
    const Hdf5Node trace = traces.group(name);
    places.emplace_back(trace.has_attribute("order") ? trace.integer("order") : -1, name);
  }
  std::sort(places.begin(), places.end());
  std::vector<std::string> names;
  for (auto& [place, name] : places) names.push_back(std::move(name));
  return names;
}

Session read_session(const fs::path& path) {
  check_has_bytes(path);
  const Hdf5File file = Hdf5File::open(path);
  const Hdf5Node root = file.root();
  check_format(root, path);
  Session session;
  session.created = root.text("created");
  session.program = root.text("program");
  const Hdf5Node models = root.group("models"), traces = root.group("traces");
  for (const std::string& name : models.names()) {
    ModelFacts model = read_model(models, name);
    session.models.emplace(model.hash, std::move(model));
  }
  InfluenceReader influence(root);
  std::map<std::string, std::vector<std::string>> recorded;
  for (const std::string& name : in_order(traces)) {
    session.traces.push_back(read_trace(traces, name));
    const Trace& trace = session.traces.back();
    const Hdf5Node node = traces.group(name);
    if (node.has("influence")) {
      const Hdf5Node methods = node.group("influence");
      for (const std::string& method : methods.names()) {
        InfluenceTable table = influence.read(methods, method, trace);
        const std::string key = table.method;
        session.influence.emplace(std::pair(trace.id, key), std::move(table));
      }
    }
    if (node.has("activations")) {
      std::vector<std::string> sites = present_sites(path, node.group("activations"), recorded);
      if (!sites.empty()) session.activations[trace.id] = std::move(sites);
      if (const Hdf5Node group = node.group("activations"); group.has_attribute("check_nats"))
        session.checks[trace.id] = {group.integer("check_tokens"), group.real("check_nats"), group.real("check_top1")};
    }
    if (node.has("attention")) session.attention[trace.id] = nullptr;
  }
  return session;
}

// Adds what a crash left in the running log.
void recover(Session& session, const fs::path& path, std::string* note) {
  if (writer_of(path) != Writer::none) return;
  std::vector<Trace> logged = read_running_log(path);
  std::erase_if(logged, [&](const Trace& trace) { return is_saved(trace, session.traces); });
  std::vector<std::string> words;
  for (Trace& trace : logged) {
    if (session.find(trace.id)) {
      trace.id = session.new_trace_id();  // another generation bears its name; the recordings there are not its own
    } else if (std::vector<std::string> sites = recorded_sites(activations_path(path), trace.id); !sites.empty()) {
      session.activations[trace.id] = std::move(sites);
    }
    words.push_back(fmt::format("{} with {} steps and {} tokens", trace.id, trace.steps.size(), trace.size()));
    session.traces.push_back(std::move(trace));
  }
  if (words.empty() || !note) return;
  *note = fmt::format("{}: an interrupted generation was recovered as trace {}; save the session to keep it",
                      path.filename().string(), fmt::join(words, ", and as trace "));
}

}  // namespace

Session load_session(const fs::path& path, std::string* note) {
  if (note) note->clear();
  std::error_code failed;
  const bool only_log = !fs::exists(path, failed) && fs::exists(running_path(path), failed);
  remember_file(path);
  Session session = only_log ? Session{} : read_session(path);
  session.path = path;
  recover(session, path, note);
  if (only_log && session.traces.empty()) {
    throw Error(
        ErrorCode::not_found,
        fmt::format("{}: not written yet; its first generation is still running or wrote nothing", path.string()));
  }
  return session;
}

Recorded read_activations(const fs::path& session, const std::string& trace_id, const std::string& site) {
  const ActivationReader reader(session, trace_id, site);
  Recorded recorded{site, reader.tokens(), reader.width(), {}};
  recorded.values.resize(static_cast<size_t>(recorded.tokens * recorded.width));
  reader.read(0, recorded.tokens, recorded.values.data());
  return recorded;
}

StepAttention read_step_attention(const fs::path& session, const std::string& trace_id, int64_t layer, int64_t head) {
  const Hdf5File file = Hdf5File::open(session);
  const Hdf5Node traces = file.root().group("traces");
  const std::string name = link_name(trace_id);
  if (!traces.has(name) || !traces.group(name).has("attention"))
    throw Error(ErrorCode::not_found, fmt::format("{}: no attention of trace {}; generate it again with --capture attention",
                                                  session.string(), trace_id));
  const Hdf5Node trace = traces.group(name);
  return read_step_attention(trace, trace.group("steps").shape("begin").at(0), layer, head);
}

}  // namespace stemma

#include "runtime/trace/capture_run.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include "runtime/clock.h"
#include "runtime/session/capture.h"
#include "runtime/trace/capture_check.h"
#include "runtime/trace/step_attention.h"

namespace stemma {
namespace {

// A model below the session's folder is remembered relative to it, so that both can be moved together.
std::string remembered_path(const std::filesystem::path& model, const std::filesystem::path& session) {
  const auto folder = std::filesystem::absolute(session).parent_path();
  const auto relative = std::filesystem::absolute(model).lexically_relative(folder);
  return relative.empty() || *relative.begin() == ".." ? model.string() : relative.string();
}

ModelFacts facts_of(const Model& model, const std::filesystem::path& session) {
  const ModelConfig& c = model.config;
  return {model.hash, model.name, c.architecture, remembered_path(model.path, session), c.dtype, model.tokenizer->hash(), c.layers, c.width, c.heads, model.commit};
}

// Saves a session as often as costs little: it is written whole each time, and of many traces that takes a while.
class Saving {
 public:
  Saving(Session& session, const std::filesystem::path& path) : session_(session), path_(path) {}

  // True: saved now.
  bool changed() {
    unsaved_ = true;
    return Clock::now() >= next_ && save();
  }
  bool save() {
    if (!unsaved_) return false;
    constexpr std::chrono::seconds least{2};
    const auto begin = Clock::now();
    save_session(session_, path_);
    const auto end = Clock::now();
    next_ = end + std::max<Clock::duration>(least, 20 * (end - begin));  // at most a twentieth of the time
    unsaved_ = false;
    return true;
  }

 private:
  Session& session_;
  const std::filesystem::path& path_;
  Clock::time_point next_;
  bool unsaved_ = false;
};

// What is written of the requests while they run: one log, one file of activations, the session as they end.
class Recording {
 public:
  Recording(Session& session, const std::filesystem::path& path, const Model& model,
            const std::vector<GenerateRequest>& requests, const std::vector<Site>& sites,
            const CaptureListener& listener, const Control& control)
      : session_(session),
        path_(path),
        saving_(session, path),
        model_(model),
        sites_(sites),
        listener_(listener),
        control_(control) {
    std::vector<SiteShape> shapes;
    for (const Site site : sites_) {
      shapes.push_back({name_of(site), width_of(model.config, site)});
      names_.push_back(name_of(site));
    }
    std::vector<std::string> ids;
    for (const GenerateRequest& request : requests) {
      order_.emplace(request.trace_id, ids.size());
      ids.push_back(request.trace_id);
    }
    if (!shapes.empty()) file_.emplace(path, ids, shapes);
  }

  GenerateListener listen(const GenerateRequest& request) {
    GenerateListener told;
    auto writer = file_ ? std::make_shared<ActivationWriter>(*file_, request.trace_id) : nullptr;
    if (writer) {
      told.sites = sites_;
      told.activation = [writer](size_t site, const float* values, int64_t count) { writer->append(site, values, count); };
      told.prompt_as = [writer](const std::string& id, int64_t count) { writer->begin_as(id, count); };
    }
    told.tokens = [this, writer, finished = size_t{0}](const Trace& trace, int32_t from) mutable {
      if (!log_) log_.emplace(path_);
      log_->append(trace, from);
      if (trace.steps.size() != finished) {  // a step was finished: nothing of it may be lost
        finished = trace.steps.size();
        log_->sync();
        if (writer) writer->flush();
      }
      if (listener_.tokens) listener_.tokens(trace, from);
    };
    told.ended = [this, writer](const Trace& trace) {
      if (writer) writer->flush();
      keep(trace);
    };
    return told;
  }

  void close() {
    saving_.save();
    if (file_) file_->close();
    if (log_) log_->finish();
  }

 private:
  void keep(const Trace& trace) {
    session_.models[model_.hash] = facts_of(model_, path_);
    if (file_) {
      session_.activations[trace.id] = names_;
      const CaptureCheck check = check_capture(model_, trace, path_, names_, control_);
      if (check.tokens > 0) session_.checks[trace.id] = check;
    }
    // One that began after it may have ended before it.
    const auto place = std::find_if(session_.traces.begin(), session_.traces.end(), [&](const Trace& other) {
      const auto found = order_.find(other.id);
      return found != order_.end() && found->second > order_.at(trace.id);
    });
    session_.traces.insert(place, trace);
    if (log_) log_->end(trace);
    if (saving_.changed() && log_) log_->saved();
    if (listener_.ended) listener_.ended(trace);
  }

  Session& session_;
  const std::filesystem::path& path_;
  Saving saving_;
  const Model& model_;
  const std::vector<Site>& sites_;
  const CaptureListener& listener_;
  const Control& control_;
  std::vector<std::string> names_;       // of the sites
  std::map<std::string, size_t> order_;  // of the traces, by id
  std::optional<ActivationsInHand> file_;
  std::optional<RunningLog> log_;
};

}  // namespace

std::vector<std::string> capture_runs(Session& session, const std::filesystem::path& path, const Model& model,
                                      std::vector<GenerateRequest> requests, const CaptureChoice& capture,
                                      const CaptureListener& listener, const Control& control, int together) {
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].trace_id = session.new_trace_id(static_cast<int64_t>(i));
    prompt_tokens(model, requests[i], nullptr);  // refuse a bad prompt before any file is touched
  }
  // What a crash left, and loading recovered, is made safe before a new log is begun.
  if (std::filesystem::exists(running_path(path))) save_session(session, path);
  std::vector<std::string> ids;
  {
    Recording recording(session, path, model, requests, capture.sites, listener, control);
    const auto listen = [&](size_t i) { return recording.listen(requests[i]); };
    for (const Trace& trace : generate(model, requests, listen, control, together)) ids.push_back(trace.id);
    recording.close();
  }
  Saving saving(session, path);
  for (const std::string& id : ids) {
    if (!capture.attention || control.cancelled()) break;
    session.attention[id] =
        std::make_shared<const StepAttention>(attention_of_steps(model, *session.find(id), control));
    saving.changed();
  }
  saving.save();
  return ids;
}

std::string capture_run(Session& session, const std::filesystem::path& path, const Model& model, GenerateRequest request,
                        const CaptureChoice& capture, const std::function<void(const Trace&, int32_t)>& tokens,
                        const Control& control) {
  return capture_runs(session, path, model, {std::move(request)}, capture, {tokens, {}}, control, 1).front();
}

}  // namespace stemma

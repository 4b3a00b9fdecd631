#include "runtime/trace/capture_run.h"

#include <optional>

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

}  // namespace

std::string capture_run(Session& session, const std::filesystem::path& path, const Model& model, GenerateRequest request,
                        const CaptureChoice& capture, const std::function<void(const Trace&, int32_t)>& tokens,
                        const Control& control) {
  request.trace_id = session.new_trace_id();
  prompt_tokens(model, request, nullptr);  // refuse a bad prompt before any file is touched
  // What a crash left, and loading recovered, is made safe before a new log is begun.
  if (std::filesystem::exists(running_path(path))) save_session(session, path);
  std::optional<RunningLog> log;
  std::optional<ActivationWriter> writer;
  std::vector<SiteShape> shapes;
  for (const Site site : capture.sites) shapes.push_back({name_of(site), width_of(model.config, site)});
  if (!shapes.empty()) writer.emplace(path, request.trace_id, shapes);

  GenerateListener listener;
  listener.sites = capture.sites;
  if (writer) listener.activation = [&](size_t site, const float* values, int64_t count) { writer->append(site, values, count); };
  size_t finished = 0;
  listener.tokens = [&](const Trace& trace, int32_t from) {
    if (!log) log.emplace(path, trace);
    log->append(trace, from);
    if (trace.steps.size() != finished) {  // a step was finished: nothing of it may be lost
      finished = trace.steps.size();
      log->sync();
      if (writer) writer->flush();
    }
    if (tokens) tokens(trace, from);
  };
  Trace trace = generate(model, request, listener, control);
  if (writer) writer->close();
  const std::string id = trace.id;
  session.models[model.hash] = facts_of(model, path);
  for (const SiteShape& shape : shapes) session.activations[id].push_back(shape.name);
  if (writer) {
    const CaptureCheck check = check_capture(model, trace, path, session.activations[id], control);
    if (check.tokens > 0) session.checks[id] = check;
  }
  session.traces.push_back(std::move(trace));
  save_session(session, path);
  if (log) log->finish();
  if (capture.attention && !control.cancelled()) {
    session.attention[id] =
        std::make_shared<const StepAttention>(attention_of_steps(model, session.traces.back(), control));
    save_session(session, path);
  }
  return id;
}

}  // namespace stemma

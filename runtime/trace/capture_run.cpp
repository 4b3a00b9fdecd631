#include "runtime/trace/capture_run.h"

#include <optional>

#include "runtime/session/capture.h"

namespace stemma {
namespace {

ModelFacts facts_of(const Model& model) {
  const ModelConfig& c = model.config;
  return {model.hash, model.name, c.architecture, model.path.string(), c.dtype, model.tokenizer->hash(), c.layers, c.width, c.heads};
}

}  // namespace

std::string capture_run(Session& session, const std::filesystem::path& path, const Model& model, GenerateRequest request,
                        const std::vector<std::string>& sites, const std::function<void(const Trace&, int32_t)>& tokens,
                        const Control& control) {
  request.trace_id = session.new_trace_id();
  prompt_tokens(model, request, nullptr);  // refuse a bad prompt before any file is touched
  // What a crash left, and loading recovered, is made safe before a new log is begun.
  if (std::filesystem::exists(running_path(path))) save_session(session, path);
  std::optional<RunningLog> log;
  std::optional<ActivationWriter> writer;
  if (!sites.empty()) writer.emplace(path, request.trace_id, sites, model.config.width);

  GenerateListener listener;
  listener.sites = sites;
  if (writer) listener.residual = [&](size_t site, const float* values, int64_t count) { writer->append(site, values, count); };
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
  session.models[model.hash] = facts_of(model);
  if (!sites.empty()) session.activations[id] = sites;
  session.traces.push_back(std::move(trace));
  save_session(session, path);
  if (log) log->finish();
  return id;
}

}  // namespace stemma

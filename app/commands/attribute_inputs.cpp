#include "app/commands/attribute_inputs.h"

#include <fmt/format.h>

#include <cstdio>

#include "app/commands/command.h"
#include "app/commands/terminal.h"

namespace stemma {

namespace {

// What one table is called: the method, and the question where it is one of one's own.
std::string table_name(const AttributeOptions& options) {
  return options.span ? options.method + " of " + options.span->name() : options.method;
}

}  // namespace

AskedSpan span_of(const std::string& text, const std::string& against) {
  AskedSpan span;
  int used = 0, last = -1;
  const int read = std::sscanf(text.c_str(), "%d-%d%n", &span.begin, &last, &used);
  if (read < 1 || (read == 2 && static_cast<size_t>(used) != text.size()) ||
      (read == 1 && text != std::to_string(span.begin)))
    throw WrongUsage("--span '" + text + "' names no tokens; write 12 or 12-19, as `stemma show` numbers them");
  span.end = (read == 2 ? last : span.begin) + 1;
  span.against = against;
  return span;
}

std::filesystem::path factors_beside(const std::string& session) {
  return std::filesystem::path(session).replace_extension(".factors.h5");
}

std::vector<const Trace*> choose_traces(const AttributeInputs& options, const Session& session) {
  if (session.traces.empty())
    throw Error(ErrorCode::not_found, options.session + ": holds no trace; stemma generate adds one");
  std::vector<const Trace*> traces;
  if (!options.trace.empty()) {
    const Trace* trace = session.find(options.trace);
    if (!trace)
      throw Error(ErrorCode::not_found,
                  options.session + ": has no trace '" + options.trace + "'; stemma show lists them");
    return {trace};
  }
  for (const auto& trace : session.traces) {
    if (session.table(trace.id, table_name(options.attribute))) continue;
    if (trace.size() > trace.prompt_tokens)
      traces.push_back(&trace);
    else
      tell(trace.id + ": nothing was written after its prompt, left out");
  }
  return traces;
}

std::shared_ptr<const Model> model_of(const AttributeInputs& options, const Session& session,
                                      const std::vector<const Trace*>& traces) {
  std::string folder = options.model;
  if (folder.empty()) folder = remembered_model(session, traces.front()->model_hash);
  auto model = load_model(folder, open_device(options.device));
  for (const auto* trace : traces)
    if (trace->model_hash != model->hash)
      throw Error(
          ErrorCode::does_not_fit,
          fmt::format(
              "{}: trace {} was written by another model than {}, or by this one with rounded weights (--dtype); "
              "give its folder with --model, generate it again in f32, or name one trace with --trace",
              options.session, trace->id, folder));
  return model;
}

std::unique_ptr<Factors> find_factors(const AttributeInputs& options, const Model& model, std::string& place) {
  const auto fits = [&](const std::filesystem::path& path) -> std::unique_ptr<Factors> {
    std::error_code none;
    if (!std::filesystem::exists(path, none)) return nullptr;
    auto factors = std::make_unique<Factors>(load_factors(path));
    if (factors->model_hash == model.hash) return factors;
    tell(harmless(path.string() + ": of another model, not used"));
    return nullptr;
  };
  if (!options.factors.empty()) {
    place = options.factors;
    auto factors = std::make_unique<Factors>(load_factors(place));
    if (factors->model_hash != model.hash)
      throw Error(ErrorCode::does_not_fit, place + ": factors of another model than " + model.path.string() +
                                               "; stemma fit makes those of this one");
    return factors;
  }
  for (const auto& path : {model.path / "factors.h5", factors_beside(options.session)}) {
    if (auto factors = fits(path)) {
      place = path.string();
      tell(harmless("using the factors in " + place));
      return factors;
    }
  }
  return nullptr;
}

}  // namespace stemma

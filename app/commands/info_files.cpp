#include <nlohmann/json.hpp>
#include <thread>

#include "app/commands/info.h"
#include "app/commands/options.h"
#include "app/commands/show.h"
#include "runtime/influence/curvature/factors.h"
#include "runtime/influence/index/index.h"

namespace stemma {

using Json = nlohmann::ordered_json;

Json session_info(const std::filesystem::path& path) {
  std::string note;
  const Session session = load_session(path, &note);
  Json out{{"kind", "session"}, {"path", path.string()}, {"created", session.created}, {"program", session.program}};
  if (note.empty())
    out["whole"] = true;
  else
    out["whole"] = "recovered: " + note;
  std::error_code none;
  const auto size = std::filesystem::file_size(path, none),
             recorded = std::filesystem::file_size(activations_path(path), none);
  if (size != static_cast<uintmax_t>(-1)) out["bytes"] = size;
  if (recorded != static_cast<uintmax_t>(-1)) out["activations_bytes"] = recorded;
  out["models"] = Json::array();
  for (const auto& [hash, facts] : session.models)
    out["models"].push_back({{"name", facts.name}, {"path", facts.path}, {"hash", hash}});
  out["traces"] = Json::array();
  for (const auto& trace : session.traces) {
    Json summary = trace_summary(session, trace);
    const auto sites = session.activations.find(trace.id);
    summary["steps"] = trace.steps.size();
    summary["recorded_sites"] = sites == session.activations.end() ? size_t{0} : sites->second.size();
    out["traces"].push_back(std::move(summary));
  }
  return out;
}

Json factors_info(const std::filesystem::path& path) {
  const Factors factors = load_factors(path);
  Json out{{"kind", "curvature factors"},
           {"path", path.string()},
           {"whole", true},
           {"hash", factors.hash},
           {"model", factors.model_hash},
           {"corpus", factors.corpus_hash},
           {"documents", factors.documents},
           {"tokens", factors.tokens},
           {"seed", factors.seed},
           {"seconds", factors.seconds},
           {"device", factors.device},
           {"program", factors.program},
           {"created", factors.created},
           {"pattern", factors.choice.pattern},
           {"blocks", factors.choice.blocks},
           {"layers", Json::array()}};
  for (const auto& layer : factors.layers)
    out["layers"].push_back(
        {{"name", layer.name}, {"inputs", layer.inputs}, {"outputs", layer.outputs}, {"damping", layer.damping}});
  return out;
}

Json index_info(const std::filesystem::path& path) {
  const Index index(path);
  const IndexHead& head = index.head();
  return {{"kind", "index of documents"},
          {"path", path.string()},
          {"whole", true},
          {"hash", head.hash},
          {"model", head.model_hash},
          {"factors", head.factors_hash},
          {"documents", index.documents()},
          {"parts", index.parts()},
          {"numbers", head.basis.numbers},
          {"bytes", index.bytes()},
          {"device", head.device},
          {"program", head.program},
          {"created", head.created}};
}

Json corpus_info(const std::filesystem::path& path) {
  const Corpus corpus = load_corpus({path}, 0);
  Json out{{"kind", "corpus"}};
  out.update(corpus_facts(corpus));
  out["whole"] = corpus.broken == 0 ? Json(true) : Json("no: broken lines are skipped");
  std::map<std::string, int64_t> sources;
  for (const auto& document : corpus.documents) ++sources[document.source];
  if (sources.size() <= 50)
    out["sources"] = sources;
  else
    out["sources"] = sources.size();
  out["tokens"] = nullptr;  // a model's tokenizer would have to say
  return out;
}

Json devices_info() {
  std::string why;
  const auto cuda = make_cuda_ops(0, why);
  return {{"cpu", std::to_string(std::thread::hardware_concurrency()) + " threads"},
          {"cuda", cuda ? cuda->device() : "cannot be used: " + why}};
}

}  // namespace stemma

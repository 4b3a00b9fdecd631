#include <cmath>
#include <nlohmann/json.hpp>

#include "app/commands/show.h"
#include "runtime/influence/tables/certainty.h"
#include "runtime/model/utf8.h"

namespace stemma {

using Json = nlohmann::ordered_json;

namespace {

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }  // what was not measured is null

Json document_json(const InfluenceTable& table, int row, int32_t document, int rank, bool tokens) {
  const auto at = static_cast<size_t>(document);
  Json out{{"rank", rank},
           {"of", table.documents},
           {"score", table.score(row, document)},
           {"per_nat", number(per_nat(table, row, document))},
           {"id", table.document_ids[at]},
           {"source", table.document_sources[at]}};
  const ShownDocument* shown = table.find(document);
  if (!shown) return out;
  out["name"] = shown->name;
  out["text"] = shown->text;
  const auto layers = static_cast<size_t>(table.layers), first = static_cast<size_t>(row) * layers;
  if (shown->layer_scores.size() >= first + layers)
    out["layers"] = std::vector<float>(shown->layer_scores.begin() + static_cast<std::ptrdiff_t>(first),
                                       shown->layer_scores.begin() + static_cast<std::ptrdiff_t>(first + layers));
  if (!tokens) return out;
  const auto read = shown->scores_of(TokenPart::read, row), predicted = shown->scores_of(TokenPart::predicted, row);
  out["tokens"] = Json::array();
  for (size_t i = 0; i < read.size(); ++i) {
    const auto begin = shown->token_offsets[i], end = shown->token_offsets[i + 1];
    out["tokens"].push_back({{"text", printable(std::string_view(shown->text).substr(begin, end - begin))},
                             {"score", read[i]},
                             {"predicted", predicted.empty() ? Json() : Json(predicted[i])},
                             {"begin", begin}});
  }
  return out;
}

Json influence_json(const InfluenceTable& table, size_t step, const ShowOptions& options) {
  const int row = row_of(table, step);
  if (row < 0) return nullptr;
  const double nats = table.nats[static_cast<size_t>(row)];
  Json out{{"nats", nats}, {"certain", all_but_certain(table, row)}};
  for (const bool opponents : {false, true}) {
    Json& list = out[opponents ? "opponents" : "proponents"] = Json::array();
    int rank = 0;
    for (const auto document : strongest(table, row, options.documents, opponents))
      list.push_back(document_json(table, row, document, ++rank, options.tokens));
  }
  return out;
}

Json provenance(const InfluenceTable& table) {
  const bool indexed = !table.index_hash.empty();
  Json facts = {{"method", table.method},    {"documents", table.documents},  {"corpus_documents", table.corpus_documents},
                {"model", table.model_hash}, {"factors", table.factors_hash}, {"corpus", table.corpus_hash},
                {"device", table.device},    {"program", table.program},      {"created", table.created},
                {"seconds", table.seconds},  {"additivity", table.additivity},
                {"index", indexed ? Json(table.index_hash) : Json()},
                {"searched", indexed ? Json(table.searched) : Json()},
                {"search_seconds", indexed ? Json(table.search_seconds) : Json()},
                {"late", indexed ? Json(table.late) : Json()}};
  facts["top"] = table.top;
  if (table.top == 0) facts["note"] = only_scores_kept;
  if (const FirstStage& first = table.first_stage; first.rank > 0)
    facts["first_stage"] = {{"rank", first.rank},
                            {"precision", name_of(first.precision)},
                            {"rescored", first.rescored},
                            {"error", first.error},
                            {"recall_at_100", first.recall}};
  return facts;
}

Json trace_json(const Session& session, const Trace& trace, const ShowOptions& options) {
  Json out = trace_summary(session, trace);
  out["system"] = trace.system;
  out["prompt"] = trace.prompt;
  out["text"] = trace.text;
  out["answer"] = answer_of(trace);
  out["seed"] = trace.sampler.seed;
  out["temperature"] = trace.sampler.temperature;
  out["top_p"] = trace.sampler.top_p;
  out["top_k"] = trace.sampler.top_k;
  out["created"] = trace.created;
  out["device"] = trace.device;
  const auto recorded = session.activations.find(trace.id);
  out["activations"] = recorded == session.activations.end() ? std::vector<std::string>{} : recorded->second;
  out["attention"] = session.attention.contains(trace.id);
  const auto tables = chosen_tables(session, trace, options);
  out["tables"] = Json::array();
  for (const auto* table : tables) out["tables"].push_back(provenance(*table));
  out["steps"] = Json::array();
  for (size_t i = 0; i < trace.steps.size(); ++i) {
    if (!shows_step(options, i)) continue;
    const Step& step = trace.steps[i];
    Json shown{{"step", i},
               {"kind", name_of(step.kind)},
               {"label", step.label},
               {"labelled_by", step.labelled_by},
               {"begin", step.begin},
               {"end", step.end},
               {"nats", number(trace.nats(step))},
               {"text", trace.step_text(step)}};
    for (const auto* table : tables)
      if (Json influence = influence_json(*table, i, options); !influence.is_null())
        shown["influence"][table->method] = std::move(influence);
    out["steps"].push_back(std::move(shown));
  }
  return out;
}

}  // namespace

Json check_facts(const Session& session, const Trace& trace) {
  const auto check = session.checks.find(trace.id);
  if (check == session.checks.end()) return nullptr;
  return {{"tokens", check->second.tokens}, {"nats", number(check->second.nats)}, {"top1", check->second.top1}};
}

Json trace_summary(const Session& session, const Trace& trace) {
  Json out{{"id", trace.id}, {"title", trace.title}, {"model", trace.model_hash}};
  const auto model = session.models.find(trace.model_hash);
  out["model_name"] = model == session.models.end() ? Json() : Json(model->second.name);
  out["answer"] = answer_of(trace);
  out["expected"] = trace.expected.empty() ? Json() : Json(trace.expected);
  out["right"] = trace.expected.empty() ? Json() : Json(is_right(answer_of(trace), trace.expected));
  out["tokens"] = trace.size();
  out["prompt_tokens"] = trace.prompt_tokens;
  out["stop_reason"] = trace.stop_reason;
  out["completed"] = trace.completed;
  out["capture_check"] = check_facts(session, trace);
  out["methods"] = Json::array();
  for (const auto& [key, table] : session.influence)
    if (key.first == trace.id) out["methods"].push_back(key.second);
  return out;
}

Json show_json(const Session& session, const ShowOptions& options) {
  Json out{{"session", options.session},
           {"created", session.created},
           {"program", session.program},
           {"models", Json::object()},
           {"traces", Json::array()}};
  for (const auto& [hash, facts] : session.models)
    out["models"][hash] = {{"name", facts.name},   {"architecture", facts.architecture},
                           {"path", facts.path},   {"layers", facts.layers},
                           {"width", facts.width}, {"heads", facts.heads},
                           {"dtype", facts.dtype}, {"tokenizer", facts.tokenizer_hash}};
  for (const auto& [hash, facts] : session.models)
    if (!facts.commit.empty()) out["models"][hash]["commit"] = facts.commit;
  for (const auto* trace : chosen_traces(session, options))
    out["traces"].push_back(trace_json(session, *trace, options));
  return out;
}

}  // namespace stemma

#include "app/figures/build_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/numbers.h"
#include "runtime/error.h"
#include "runtime/influence/tables/certainty.h"
#include "viewer/activation_map.h"

namespace stemma {
namespace {

// Reads back to the same f32; blank where not measured.
std::string exact(float value) { return std::isnan(value) ? "" : fmt::format("{:.9g}", value); }
std::string written_count(int64_t n) { return count(n).toStdString(); }

int row_of(const InfluenceTable& table, int step) {
  const auto found = std::find(table.step_index.begin(), table.step_index.end(), step);
  return found == table.step_index.end() ? -1 : static_cast<int>(found - table.step_index.begin());
}

const Step& checked_step(const Trace& trace, int step) {
  if (step >= 0 && step < static_cast<int>(trace.steps.size())) return trace.steps[step];
  throw Error(ErrorCode::usage, fmt::format("trace {}: there is no step {}; its steps are 0 to {}", trace.id, step, static_cast<int>(trace.steps.size()) - 1));
}

std::string method_name(const std::string& method) {
  if (method == "ekfac") return "EK-FAC influence";
  if (method == "gradient") return "gradient dot product";
  return method;
}

using Provenance = std::vector<std::pair<std::string, std::string>>;

void add(Provenance& to, const std::string& key, const std::string& value) {
  if (!value.empty()) to.emplace_back(key, value);
}

// As a shell reads it.
std::string shell_word(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '_' || c == '-' || c == '/' || c == ':';
  });
  if (plain) return word;
  std::string text = "'";
  for (char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

// The command that makes the figure again.
std::string command_of(const std::string& kind, const std::string& trace_id, const FigureOrigin& origin, const std::string& more) {
  if (origin.session.empty()) return "";
  return fmt::format("stemma export {} --figure {} --trace {}{} --out {}.pdf", shell_word(origin.session), kind,
                     shell_word(trace_id), more, kind);
}

Provenance provenance_of(const Trace& trace, const InfluenceTable* table, const FigureOrigin& origin, const std::string& command) {
  Provenance p;
  add(p, "session", origin.session);
  add(p, "trace", trace.id);
  add(p, "model", origin.model_name);
  add(p, "model hash", trace.model_hash);
  if (table) {
    add(p, "method", table->method);
    add(p, "corpus hash", table->corpus_hash);
    add(p, "documents", fmt::format("{} scanned of {}", table->documents, table->corpus_documents));
    add(p, "factors hash", table->factors_hash);
  }
  add(p, "seed", std::to_string(trace.sampler.seed));
  add(p, "device", table ? table->device : trace.device);
  add(p, "computed", table ? table->created : trace.created);
  add(p, "version", "Stemma " STEMMA_VERSION);
  add(p, "command", command);
  return p;
}

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \n\t\r"), end = text.find_last_not_of(" \n\t\r");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

std::string on_one_line(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  text.erase(std::unique(text.begin(), text.end(), [](char a, char b) { return a == ' ' && b == ' '; }), text.end());
  return trimmed(text);
}

// Offsets that climb and stay inside the text; a file may hold anything.
bool offsets_fit(const ShownDocument& document) {
  return std::is_sorted(document.token_offsets.begin(), document.token_offsets.end()) &&
         (document.token_offsets.empty() || document.token_offsets.back() <= document.text.size());
}

std::string label_of(const ShownDocument& document) {
  return document.source + (document.name.empty() ? "" : " · " + document.name);
}

std::string step_title(const Trace& trace, int step) {
  return fmt::format("Step {} ({})", step, name_of(trace.steps[step].kind));
}

Figure begin_figure(const std::string& kind, const Trace& trace, int step, const InfluenceTable& table, const FigureOrigin& origin,
                    const std::string& option) {
  Figure figure;
  figure.kind = kind;
  const std::string method = table.method.empty() ? "" : " --method " + shell_word(table.method);
  figure.provenance = provenance_of(trace, table.method.empty() ? nullptr : &table, origin,
                                    command_of(kind, trace.id, origin, fmt::format("{} --step {} {}", method, step, option)));
  figure.provenance.insert(figure.provenance.begin() + (origin.session.empty() ? 1 : 2), {"step", std::to_string(step)});
  return figure;
}

SignedBars bars_of(const InfluenceTable& table, int row, const std::vector<int32_t>& order, int wanted, double limit, bool positive, Table& csv) {
  SignedBars bars{"Influence", "nats", limit, {}};
  for (int rank = 0; rank < std::min(wanted, table.top); ++rank) {
    const int32_t index = order[static_cast<size_t>(row) * table.top + rank];
    if (index < 0 || index >= table.documents) continue;
    const float score = table.score(row, index);
    if (positive ? !(score > 0) : !(score < 0)) continue;  // a small corpus may have no opponents
    const ShownDocument* shown = table.find(index);
    const std::string source = shown ? label_of(*shown) : index < static_cast<int>(table.document_sources.size()) ? table.document_sources[index] : "";
    bars.rows.push_back({fmt::format("{}  {}", rank + 1, source), shown ? on_one_line(shown->text) : "", score});
    csv.rows.push_back({std::to_string(rank + 1), positive ? "proponent" : "opponent", std::to_string(index),
                        index < static_cast<int>(table.document_ids.size()) ? table.document_ids[index] : "", shown ? shown->name : "",
                        shown ? shown->source : source, exact(score), exact(score / table.nats[row]), shown ? shown->text : ""});
  }
  return bars;
}

}  // namespace

FigureOrigin figure_origin(const Session& session, const Trace& trace) {
  FigureOrigin origin;
  origin.session = session.path.filename().string();
  const auto model = session.models.find(trace.model_hash);
  if (model != session.models.end()) origin.model_name = model->second.name;
  return origin;
}

Figure step_figure(const Trace& trace, const InfluenceTable& table, int step, int documents, const FigureOrigin& origin) {
  const Step& here = checked_step(trace, step);
  Figure figure = begin_figure("step", trace, step, table, origin, fmt::format("--documents {}", documents));
  figure.title = step_title(trace, step) + " and the documents behind it";
  figure.table.columns = {"rank", "side", "document", "id", "name", "source", "score_nats", "score_per_nat", "text"};
  figure.body.push_back(Paragraph{"Prompt: " + on_one_line(trace.prompt), true});
  figure.body.push_back(Paragraph{trimmed(trace.step_text(here))});
  const int row = row_of(table, step);
  if (row < 0 || table.documents == 0) {
    figure.caption = "No documents have been attributed to this step.";
    figure.body.push_back(Paragraph{"Attribute this trace, then export the figure again; the prompt's own steps have no documents.", true});
    return figure;
  }
  int64_t positive = 0;
  for (int32_t d = 0; d < table.documents; ++d) positive += table.score(row, d) > 0;
  figure.caption = fmt::format("{} of {} documents made this step more likely ({}; −log p of the step {} nats).", written_count(positive),
                               written_count(table.documents), method_name(table.method), significant(table.nats[row]).toStdString());
  if (all_but_certain(table, row)) {
    figure.caption += " The model was all but certain of this step, so its ranking says little.";
  }
  if (table.top == 0) {
    figure.body.push_back(Paragraph{only_scores_kept, true});
    return figure;
  }
  double limit = 0;
  for (const auto* order : {&table.top_documents, &table.bottom_documents}) {
    for (int i = 0; i < std::min(table.top, documents); ++i) {
      const int32_t index = (*order)[static_cast<size_t>(row) * table.top + i];
      if (index >= 0 && index < table.documents) limit = std::max<double>(limit, std::abs(table.score(row, index)));
    }
  }
  for (bool positive_side : {true, false}) {
    const SignedBars bars = bars_of(table, row, positive_side ? table.top_documents : table.bottom_documents, documents, limit, positive_side, figure.table);
    figure.body.push_back(Heading{positive_side ? "Proponents: made the step more likely" : "Opponents: made it less likely"});
    if (bars.rows.empty()) figure.body.push_back(Paragraph{"None.", true});
    else figure.body.push_back(bars);
  }
  return figure;
}

Figure document_figure(const Trace& trace, const InfluenceTable& table, int step, int document, TokenPart part,
                       const FigureOrigin& origin) {
  const Step& here = checked_step(trace, step);
  const bool predicted = part == TokenPart::predicted;
  Figure figure = begin_figure("document", trace, step, table, origin,
                               fmt::format("--document {}{}", document, predicted ? " --tokens predicted" : ""));
  figure.table.columns = {"part", "index", "text", "score_nats"};
  const int row = row_of(table, step);
  if (row < 0) {
    figure.title = step_title(trace, step);
    figure.caption = "No documents have been attributed to this step.";
    figure.body.push_back(Paragraph{trimmed(trace.step_text(here))});
    return figure;
  }
  const ShownDocument* shown = table.find(document);
  if (!shown && table.top == 0)
    throw Error(ErrorCode::not_found, fmt::format("trace {}: no document is shown. {}", trace.id, only_scores_kept));
  if (!shown) {
    throw Error(ErrorCode::not_found, fmt::format("trace {}: the text of document {} is not in the session; choose one of the step's proponents or opponents",
                                                  trace.id, document));
  }
  figure.provenance.insert(figure.provenance.begin(), {"document", shown->id});
  const float score = table.score(row, document);
  int64_t better = 0;
  for (int32_t d = 0; d < table.documents; ++d) better += table.score(row, d) > score;
  figure.title = label_of(*shown);
  figure.caption = fmt::format("Its influence on {} is {} nats, rank {} of {} documents ({}).", step_title(trace, step),
                               significant(score, true).toStdString(), written_count(better + 1), written_count(table.documents), method_name(table.method));
  if (all_but_certain(table, row))
    figure.caption += " The model was all but certain of this step, so the score says little.";
  figure.body.push_back(Heading{step_title(trace, step)});
  figure.body.push_back(Paragraph{trimmed(trace.step_text(here))});

  const auto scores = shown->scores_of(part, row);
  if (predicted && scores.empty())
    throw Error(ErrorCode::not_found,
                fmt::format("trace {}: what document {} adds by the tokens it predicts is not in the session, which an "
                            "earlier version made; stemma attribute finds it",
                            trace.id, document));
  const std::string legend = predicted ? "Influence of each token as predicted" : "Influence of each token as read";
  ShadedText text{shown->text, shown->token_offsets, {}, {legend, "nats", true, -1, 1}};
  if (offsets_fit(*shown)) {
    text.values.assign(scores.begin(), scores.end());
    float most = 0;
    for (float v : text.values) if (std::isfinite(v)) most = std::max(most, std::abs(v));
    text.scale.high = most > 0 ? most : 1;
    text.scale.low = -text.scale.high;
  }
  figure.body.push_back(Heading{"Document"});
  if (text.values.empty()) figure.body.push_back(Paragraph{shown->text});
  else figure.body.push_back(text);
  for (size_t t = 0; t < text.values.size(); ++t) {
    const std::string piece = shown->text.substr(shown->token_offsets[t], shown->token_offsets[t + 1] - shown->token_offsets[t]);
    figure.table.rows.push_back({"token", std::to_string(t), piece, exact(text.values[t])});
  }
  if (table.layers > 0 && shown->layer_scores.size() == static_cast<size_t>(table.steps) * table.layers) {
    ColumnBars bars{"Influence through each layer", "nats", "layer", {}, {}};
    for (int layer = 0; layer < table.layers; ++layer) {
      const float value = shown->layer_scores[static_cast<size_t>(row) * table.layers + layer];
      bars.labels.push_back(std::to_string(layer));
      bars.values.push_back(value);
      figure.table.rows.push_back({"layer", std::to_string(layer), "", exact(value)});
    }
    figure.body.push_back(bars);
  }
  return figure;
}

Figure attention_figure(const AttentionMap& map, const FigureOrigin& origin) {
  Figure figure;
  figure.kind = "attention";
  figure.title = "Attention between steps";
  add(figure.provenance, "session", origin.session);
  add(figure.provenance, "model", origin.model_name);
  for (const auto& [key, value] : map.provenance) add(figure.provenance, key, value);
  add(figure.provenance, "version", "Stemma " STEMMA_VERSION);
  add(figure.provenance, "command",
      command_of("attention", map.trace_id, origin, fmt::format(" --layer {} --head {}", map.layer, map.head)));
  figure.table.columns = {"step", "seen", "share", "seen_text"};
  figure.caption = fmt::format(
      "“{}”: how the attention of each of {} steps falls on the steps before it, means over their tokens; layer {}, {}.",
      on_one_line(map.title), map.steps, map.layer,
      map.head < 0 ? fmt::format("mean of {} heads", map.heads) : fmt::format("head {}", map.head));
  std::vector<float> values;
  for (const float value : map.values)
    if (!std::isnan(value)) values.push_back(value);
  if (values.empty()) return figure;
  std::sort(values.begin(), values.end());
  const double high = std::max(1e-6f, values[values.size() - 1 - values.size() / 100]);
  if (values.back() > high)
    figure.caption += " Colours end at the 99th percentile; values beyond take the end's colour.";
  constexpr int most_named = 26;  // columns that have room for their number
  std::vector<std::string> numbers;
  for (int step = 0; step < map.steps; ++step) numbers.push_back(std::to_string(step));
  figure.body.push_back(HeatMap{map.steps, map.steps, map.values,
                                {"Share of the step's attention", "", false, 0, high},
                                "Steps", "steps they look at", numbers,
                                map.steps <= most_named ? numbers : std::vector<std::string>{}, {}, true});
  for (int step = 0; step < map.steps; ++step)
    for (int seen = 0; seen <= step; ++seen)
      figure.table.rows.push_back({numbers[step], numbers[seen], exact(map.value(step, seen)), map.step_texts[seen]});
  return figure;
}

Figure attention_row_figure(const Trace& trace, const AttentionRow& row, const FigureOrigin& origin) {
  if (trace.id != row.trace_id || row.weights.empty() || static_cast<int>(row.weights.size()) > trace.size())
    throw Error(ErrorCode::usage, fmt::format("trace {}: the attention is not of one of its tokens", trace.id));
  Figure figure;
  figure.kind = "attention-row";
  figure.title = "What a token looks at";
  const std::string heads =
      row.head < 0 ? fmt::format("mean of {} heads", row.heads) : fmt::format("head {}", row.head);
  const std::string token(trace.token_text(row.token));
  figure.caption = fmt::format(
      "“{}”: the share of its attention that token {} (“{}”) gives to each token up to itself; layer {}, {}; {}.",
      on_one_line(trace.title), row.token, visible_token(token), row.layer, heads, row.source());
  add(figure.provenance, "session", origin.session);
  add(figure.provenance, "model", origin.model_name);
  add(figure.provenance, "model hash", trace.model_hash);
  add(figure.provenance, "trace", trace.id);
  add(figure.provenance, "seed", std::to_string(trace.sampler.seed));
  add(figure.provenance, "layer", std::to_string(row.layer));
  add(figure.provenance, "head", heads);
  add(figure.provenance, "attention", row.source());
  add(figure.provenance, "version", "Stemma " STEMMA_VERSION);
  add(figure.provenance, "command",
      command_of("attention-row", trace.id, origin,
                 fmt::format(" --token {} --layer {} --head {}", row.token, row.layer, row.head)));
  // As in the window: a first token that is looked at for nothing in particular does not set the scale.
  const auto others = row.weights.size() > 1 ? row.weights.begin() + 1 : row.weights.begin();
  const double high = 100 * std::max(1e-8f, *std::max_element(others, row.weights.end()));
  if (100 * row.weights.front() > high) figure.caption += " Colours end at the strongest but the first.";
  ShadedText text;
  const size_t tokens = row.weights.size();
  text.offsets.assign(trace.token_offsets.begin(), trace.token_offsets.begin() + static_cast<ptrdiff_t>(tokens) + 1);
  text.text = trace.text.substr(0, text.offsets.back());
  text.scale = {"Share of the token's attention", "%", false, 0, high};
  figure.table.columns = {"token", "text", "share"};
  for (size_t i = 0; i < tokens; ++i) {
    text.values.push_back(100 * row.weights[i]);
    figure.table.rows.push_back(
        {std::to_string(i), std::string(trace.token_text(static_cast<int32_t>(i))), exact(row.weights[i])});
  }
  figure.body.push_back(std::move(text));
  return figure;
}

Figure activation_figure(const ActivationMap& map, const FigureOrigin& origin) {
  Figure figure;
  figure.kind = "activations";
  figure.title = map.quantity.empty() ? "Activations" : map.quantity;
  add(figure.provenance, "session", origin.session);
  add(figure.provenance, "model", origin.model_name);
  for (const auto& [key, value] : map.provenance) add(figure.provenance, key, value);
  add(figure.provenance, "version", "Stemma " STEMMA_VERSION);
  add(figure.provenance, "command", map.empty() ? "" : command_of("activations", map.trace_id, origin, " --quantity " + map.name));
  figure.table.columns = {"layer", "token", "text", "value"};
  if (map.empty()) {
    figure.caption = "This trace has no recorded activations.";
    return figure;
  }
  figure.caption = fmt::format("“{}”: {} layers × {} tokens.", on_one_line(map.title), map.layers, map.tokens);
  const ColourRange range = colour_range(map);
  if (range.cut) figure.caption += " Colours cover the 1st to the 99th percentile; values beyond take the end's colour.";
  HeatMap heat{map.layers, map.tokens, map.values, {map.quantity, map.unit, map.diverging, range.low, range.high},
               "Layers", "tokens", map.layer_names, map.token_texts, map.step_begins};
  figure.body.push_back(heat);
  for (int layer = 0; layer < map.layers; ++layer) {
    for (int token = 0; token < map.tokens; ++token) {
      figure.table.rows.push_back({map.layer_names[layer], std::to_string(token), map.token_texts[token], exact(map.value(layer, token))});
    }
  }
  return figure;
}

}  // namespace stemma

#include "runtime/influence/attribute.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numeric>
#include <set>
#include <span>

#include "runtime/influence/scan.h"
#include "runtime/influence/scan_low_rank.h"
#include "runtime/influence/tracked.h"
#include "runtime/influence/two_stage.h"
#include "runtime/influence/unfinished.h"
#include "runtime/model/hash.h"
#include "runtime/program.h"

namespace stemma {

const ShownDocument* InfluenceTable::find(int32_t document) const {
  const auto place = std::lower_bound(shown.begin(), shown.end(), document,
                                      [](const ShownDocument& d, int32_t index) { return d.index < index; });
  return place != shown.end() && place->index == document ? &*place : nullptr;
}

namespace {

constexpr size_t recall_at = 100;  // proponents of the two stages that are compared

// The queries of one trace: its steps after the prompt, then the whole completion, against which the steps are checked.
struct TraceQueries {
  const Trace* trace;
  size_t first;  // among all queries
  std::vector<int32_t> steps;
};

// Offsets of the document's tokens in its text; the special tokens at its ends have none of it.
std::vector<uint32_t> shown_offsets(const Tokenizer& tokenizer, const std::string& text, size_t tokens) {
  std::vector<uint32_t> inner, offsets;
  tokenizer.encode(text, &inner);
  if (tokenizer.bos() >= 0) offsets.push_back(0);
  offsets.insert(offsets.end(), inner.begin(), inner.end());
  offsets.resize(tokens + 1, static_cast<uint32_t>(text.size()));
  return offsets;
}

// A file may claim any model: its layers are held against this one's before they are multiplied.
bool fit_together(const Factors& factors, const Model& model) {
  if (factors.model_hash != model.hash || factors.layers.size() != tracked_count(model)) return false;
  for (size_t i = 0; i < factors.layers.size(); ++i) {
    const Tensor weight = tracked_weight(model, i);
    if (factors.layers[i].inputs != weight.columns || factors.layers[i].outputs != weight.rows) return false;
  }
  return true;
}

// Fills table.shown with every document its lists name, packed into batches.
void show_documents(const Model& model, const QueryGradients& gradients, const TraceQueries& part, const Corpus& corpus,
                    const DocumentBatches& batches, int64_t batch_tokens, double scale, InfluenceTable& table,
                    const Control& control) {
  std::set<int32_t> wanted(table.top_documents.begin(), table.top_documents.end());
  wanted.insert(table.bottom_documents.begin(), table.bottom_documents.end());
  std::erase_if(wanted, [&](int32_t d) { return batches.document(d).size() < 2; });
  const std::vector<int32_t> list(wanted.begin(), wanted.end());
  const size_t steps = part.steps.size(), blocks = static_cast<size_t>(model.config.layers);
  for (size_t first = 0; first < list.size();) {
    control.say({"tokens and layers of the documents shown", double(first), double(list.size())});
    LabelledBatch labelled;
    size_t last = first;
    for (; last < list.size() && (last == first || labelled.batch.size() < batch_tokens); ++last)
      labelled.add(batches.document(list[last]));
    const Decomposition parts = decompose(model, gradients, part.first, part.first + steps, labelled);
    const auto rows = static_cast<size_t>(labelled.batch.size()), segments = labelled.batch.segments.size();
    for (size_t i = first; i < last; ++i) {
      const Document& document = corpus.documents[list[i]];
      const Segment& segment = labelled.batch.segments[i - first];
      ShownDocument shown;
      shown.index = list[i];
      shown.id = document.id;
      shown.name = document.name;
      shown.source = document.source;
      shown.text = document.text;
      shown.token_offsets = shown_offsets(*model.tokenizer, document.text, batches.document(list[i]).size());
      for (size_t s = 0; s < steps; ++s) {
        for (int32_t t = segment.query_begin; t < segment.query_end; ++t)
          shown.token_scores.push_back(static_cast<float>(parts.tokens[s * rows + t] * scale));
        shown.token_scores.push_back(0);  // the last token predicts nothing
        for (size_t l = 0; l < blocks; ++l)
          shown.layer_scores.push_back(static_cast<float>(parts.layers[(s * segments + i - first) * blocks + l] * scale));
      }
      table.shown.push_back(std::move(shown));
    }
    first = last;
  }
}

// The scores of a trace's steps and of its whole completion, in rows of all documents, and what follows from them alone.
InfluenceTable table_of(const TraceQueries& part, const float* rows, const std::vector<float>& nats,
                        const std::vector<int32_t>& exact, const Corpus& corpus, int top) {
  const size_t documents = corpus.documents.size(), steps = part.steps.size();
  InfluenceTable table;
  table.trace_id = part.trace->id;
  table.corpus_hash = corpus.hash;
  table.program = program_version();
  table.created = now_utc();
  table.corpus_documents = corpus.total;
  table.steps = static_cast<int32_t>(steps);
  table.documents = static_cast<int32_t>(documents);
  table.step_index = part.steps;
  table.nats.assign(nats.begin() + static_cast<std::ptrdiff_t>(part.first),
                    nats.begin() + static_cast<std::ptrdiff_t>(part.first + steps));
  table.scores.assign(rows, rows + steps * documents);
  for (const Document& document : corpus.documents) {
    table.document_ids.push_back(document.id);
    table.document_sources.push_back(document.source);
  }
  table.top = static_cast<int32_t>(std::min<size_t>(static_cast<size_t>(top), documents));
  for (size_t s = 0; s < steps; ++s)
    for (const float sign : {1.0f, -1.0f}) {
      const auto chosen = extreme(rows + s * documents, documents, static_cast<size_t>(table.top), sign);
      auto& list = sign > 0 ? table.top_documents : table.bottom_documents;
      list.insert(list.end(), chosen.begin(), chosen.end());
    }
  double gap = 0, largest = 0;
  const float* whole = rows + steps * documents;
  for (const int32_t d : exact) {
    double sum = 0;
    for (size_t s = 0; s < steps; ++s) sum += rows[s * documents + d];
    gap = std::max(gap, std::abs(sum - whole[d]));
    largest = std::max(largest, std::abs(double(whole[d])));
  }
  table.additivity = largest > 0 ? gap / largest : 0;
  return table;
}

// Of everything that the scores depend on.
std::string key_of(const Model& model, const Factors* factors, const AttributeOptions& options,
                   const std::vector<Query>& queries, const Corpus& corpus, const DocumentBatches& batches) {
  Hasher hasher;
  for (const std::string& part :
       {std::string("scan"), program_version(), model.ops->device(), model.hash, factors ? factors->hash : "",
        options.method, std::to_string(options.rank), corpus.hash, std::to_string(corpus.total), batches.hash()})
    hasher.add(part + '\n');
  for (const Query& query : queries) {
    const std::array<int64_t, 3> place = {static_cast<int64_t>(query.tokens->size()), query.begin, query.end};
    hasher.add(std::as_bytes(std::span(place)));
    hasher.add(std::as_bytes(std::span(*query.tokens)));
  }
  return hasher.hex();
}

}  // namespace

std::vector<InfluenceTable> attribute(const Model& model, const Factors* factors, const Corpus& corpus,
                                      const std::vector<const Trace*>& traces, const AttributeOptions& options,
                                      const Control& control) {
  const auto start = std::chrono::steady_clock::now();
  if (options.method != "ekfac" && options.method != "gradient")
    throw Error(ErrorCode::usage, "'" + options.method + "' is no method of attribution; use ekfac or gradient");
  const bool curved = options.method == "ekfac";
  if (curved && !factors) throw Error(ErrorCode::usage, "method ekfac needs curvature factors; make them with `stemma fit`");
  if (curved && !fit_together(*factors, model))
    throw Error(ErrorCode::does_not_fit, "the factors belong to another model than " + model.path.string() + "; fit new ones with `stemma fit`");

  std::vector<Query> queries;
  std::vector<TraceQueries> parts;
  for (const Trace* trace : traces) {
    if (trace->model_hash != model.hash)
      throw Error(
          ErrorCode::does_not_fit,
          "trace " + trace->id + " was written by other weights than " + model.path.string() +
              " has in f32: by another model, or by this one rounded (--dtype); generate it again with f32 weights");
    TraceQueries part{trace, queries.size(), {}};
    for (size_t s = 0; s < trace->steps.size(); ++s) {
      const Step& step = trace->steps[s];
      if (step.kind == StepKind::prompt || step.begin < 1 || step.end <= step.begin) continue;
      part.steps.push_back(static_cast<int32_t>(s));
      queries.push_back({&trace->tokens, step.begin, step.end});
    }
    if (part.steps.empty())
      throw Error(ErrorCode::does_not_fit, "trace " + trace->id + " has nothing after its prompt to attribute; generate some tokens first");
    queries.push_back({&trace->tokens, queries[part.first].begin, queries.back().end});
    parts.push_back(std::move(part));
  }

  const bool thin = options.rank > 0;
  const auto whole_gradients = [&](size_t first, size_t last) {
    control.say({"query gradients", 0, double(last - first)});
    QueryGradients made = query_gradients(model, {queries.begin() + static_cast<std::ptrdiff_t>(first),
                                                  queries.begin() + static_cast<std::ptrdiff_t>(last)});
    if (curved) precondition(model, *factors, made);
    return made;
  };
  QueryGradients gradients;
  LowRankQueries low;
  if (thin)
    low = low_rank_queries(model, curved ? factors : nullptr, queries, options.rank, control);
  else
    gradients = whole_gradients(0, queries.size());
  const DocumentBatches batches(model, corpus, options.batch_tokens, control);
  const size_t documents = corpus.documents.size();
  const bool named = !curved || !factors->hash.empty();
  const double before = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  UnfinishedWork kept(named ? options.unfinished : "", key_of(model, factors, options, queries, corpus, batches), control,
                      options.pause);
  // Nats per added copy: the Hessian of the training loss is that of a mean document times their number.
  const double scale = curved ? 1.0 / static_cast<double>(std::max<int64_t>(1, corpus.total)) : 1.0;
  const std::string scanned = "tokens and layers";
  std::vector<float> scores;
  if (kept.stage() == scanned) {
    scores = kept.part("scores", queries.size() * documents);
  } else {
    scores = thin ? scan(model, low, choose_routes(model, low, batches), batches, documents, control, &kept)
                  : scan(model, gradients, batches, documents, control, &kept);
    for (float& score : scores) score = static_cast<float>(score * scale);
  }
  const auto keep = [&] { kept.keep(scanned, 0, [&](const auto& put) { put("scores", scores); }); };
  if (kept.due()) keep();

  std::vector<InfluenceTable> tables;
  for (const TraceQueries& part : parts) {
    const size_t count = part.steps.size() + 1;
    std::vector<float> rows(scores.begin() + static_cast<std::ptrdiff_t>(part.first * documents),
                            scores.begin() + static_cast<std::ptrdiff_t>((part.first + count) * documents));
    std::vector<int32_t> exact(documents);
    std::iota(exact.begin(), exact.end(), 0);
    FirstStage first_stage;
    QueryGradients own;
    if (thin) {
      try {
        own = whole_gradients(part.first, part.first + count);
        const SecondStage second = score_again(model, own, batches, rows.data(), documents,
                                               static_cast<size_t>(std::max<int64_t>(options.rescore, options.top)),
                                               recall_at, options.batch_tokens, scale, control);
        exact = second.documents;
        first_stage = {static_cast<int32_t>(options.rank), static_cast<int32_t>(exact.size()),
                       *std::max_element(low.errors.begin() + static_cast<std::ptrdiff_t>(part.first),
                                         low.errors.begin() + static_cast<std::ptrdiff_t>(part.first + count)),
                       second.recall};
      } catch (...) {
        keep();
        throw;
      }
    }
    InfluenceTable table = table_of(part, rows.data(), thin ? low.nats : gradients.nats, exact, corpus, options.top);
    table.first_stage = first_stage;
    table.method = options.method;
    table.model_hash = model.hash;
    table.factors_hash = curved ? factors->hash : "";
    table.device = model.ops->device();
    table.layers = model.config.layers;
    try {
      show_documents(model, thin ? own : gradients, thin ? TraceQueries{part.trace, 0, part.steps} : part, corpus,
                     batches, options.batch_tokens, scale, table, control);
    } catch (...) {
      keep();
      throw;
    }
    tables.push_back(std::move(table));
  }
  for (InfluenceTable& table : tables) table.seconds = before + kept.seconds();
  return tables;
}

}  // namespace stemma

#include "runtime/influence/make_tables.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "runtime/influence/output_tokens.h"
#include "runtime/influence/scan.h"
#include "runtime/influence/two_stage.h"
#include "runtime/program.h"

namespace stemma {
namespace {

// Offsets of the document's tokens in its text; the special tokens at its ends have none of it.
std::vector<uint32_t> shown_offsets(const Tokenizer& tokenizer, const std::string& text, size_t tokens) {
  std::vector<uint32_t> inner, offsets;
  tokenizer.encode(text, &inner);
  if (tokenizer.bos() >= 0) offsets.push_back(0);
  offsets.insert(offsets.end(), inner.begin(), inner.end());
  offsets.resize(tokens + 1, static_cast<uint32_t>(text.size()));
  return offsets;
}

// Every document the table's lists name; rising.
std::vector<int32_t> named_documents(const InfluenceTable& table, const DocumentBatches& batches) {
  std::set<int32_t> wanted(table.top_documents.begin(), table.top_documents.end());
  wanted.insert(table.bottom_documents.begin(), table.bottom_documents.end());
  std::erase_if(wanted, [&](int32_t d) { return batches.document(d).size() < 2; });
  return {wanted.begin(), wanted.end()};
}

ShownDocument shown_document(const Tokenizer& tokenizer, int32_t index, const Document& document, size_t tokens) {
  ShownDocument shown;
  shown.index = index;
  shown.id = document.id;
  shown.name = document.name;
  shown.source = document.source;
  shown.text = document.text;
  shown.token_offsets = shown_offsets(tokenizer, document.text, tokens);
  return shown;
}

}  // namespace

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
  table.additivity = std::nan("");
  if (!part.whole) return table;
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

void describe(InfluenceTable& table, const Model& model, const Factors* factors, const std::string& method,
              const std::optional<AskedSpan>& asked) {
  table.method = asked ? method + " of " + asked->name() : method;
  table.asked = asked;
  table.model_hash = model.hash;
  table.factors_hash = factors ? factors->hash : "";
  table.device = model.ops->device();
  table.layers = model.config.layers;
}

void show_texts(const Tokenizer& tokenizer, const Corpus& corpus, const DocumentBatches& batches, InfluenceTable& table) {
  for (const int32_t d : named_documents(table, batches))
    table.shown.push_back(shown_document(tokenizer, d, corpus.documents[d], batches.document(d).size()));
}

void show_documents(const Model& model, const QueryGradients& gradients, const TraceQueries& part, const Corpus& corpus,
                    const DocumentBatches& batches, int64_t batch_tokens, double scale, InfluenceTable& table,
                    const std::string& key, Ranks& ranks, const Control& control) {
  std::vector<int32_t> list = named_documents(table, batches);
  ranks.share(list, control);
  const size_t steps = part.steps.size(), blocks = static_cast<size_t>(model.config.layers);
  struct Shown {
    size_t first;  // in the list
    LabelledBatch labelled;
  };
  std::vector<Shown> shards;
  for (size_t i = 0; i < list.size(); ++i) {
    if (shards.empty() || shards.back().labelled.batch.size() >= batch_tokens) shards.push_back({i, {}});
    shards.back().labelled.add(batches.document(list[i]));
  }
  const auto say = [&](size_t done) {
    if (ranks.leads()) control.say({"tokens and layers of the documents shown", double(done), double(list.size())});
  };
  const auto work = [&](int64_t shard, const auto&) {
    say(shards[static_cast<size_t>(shard)].first);
    const LabelledBatch& labelled = shards[static_cast<size_t>(shard)].labelled;
    auto [tokens, layers] = decompose(model, gradients, part.first, part.first + steps, labelled);
    const auto outputs = output_token_scores(model, gradients, part.first, part.first + steps, labelled);
    tokens.insert(tokens.end(), outputs.begin(), outputs.end());
    tokens.insert(tokens.end(), layers.begin(), layers.end());
    return tokens;
  };
  const auto take = [&](int64_t shard, const std::vector<float>& parts) {
    const auto& [first, labelled] = shards[static_cast<size_t>(shard)];
    const auto rows = static_cast<size_t>(labelled.batch.size()), segments = labelled.batch.segments.size();
    const float *tokens = parts.data(), *outputs = tokens + steps * rows, *layers = outputs + steps * rows;
    for (size_t i = 0; i < segments; ++i) {
      const int32_t index = list[first + i];
      const Segment& segment = labelled.batch.segments[i];
      ShownDocument shown =
          shown_document(*model.tokenizer, index, corpus.documents[index], batches.document(index).size());
      for (size_t s = 0; s < steps; ++s) {
        shown.output_scores.push_back(0);  // nothing predicts the first token
        for (int32_t t = segment.query_begin; t < segment.query_end; ++t) {
          shown.token_scores.push_back(static_cast<float>(tokens[s * rows + t] * scale));
          shown.output_scores.push_back(static_cast<float>(outputs[s * rows + t] * scale));
        }
        shown.token_scores.push_back(0);  // the last token predicts nothing
        for (size_t l = 0; l < blocks; ++l)
          shown.layer_scores.push_back(static_cast<float>(layers[(s * segments + i) * blocks + l] * scale));
      }
      table.shown.push_back(std::move(shown));
    }
  };
  ranks.spread({.key = key, .last = static_cast<int64_t>(shards.size()), .work = work, .take = take}, control);
}

}  // namespace stemma

#include "runtime/influence/make_tables.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "runtime/influence/decompose.h"
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
                        const Corpus& corpus, int top) {
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

namespace {

// What one batch of documents is asked: by each trace that shows some of them, its steps and its whole completion.
struct Shard {
  std::vector<int32_t> documents;  // rising
  LabelledBatch labelled;
  std::vector<size_t> tables;
  std::vector<Asked> asked;  // two of each table, in their order; the second may ask nothing
};

std::vector<Shard> shards_of(const Showing& showing, const QueryGradients& gradients, const QueryGradients& wholes,
                             std::span<const TraceQueries> parts, const std::vector<std::vector<int32_t>>& lists) {
  std::set<int32_t> all;
  for (const auto& list : lists) all.insert(list.begin(), list.end());
  std::vector<Shard> shards;
  for (const int32_t document : all) {
    if (shards.empty() || shards.back().labelled.batch.size() >= showing.batch_tokens) shards.emplace_back();
    shards.back().documents.push_back(document);
    shards.back().labelled.add(showing.batches.document(document));
  }
  for (Shard& shard : shards) {
    size_t whole = 0;
    for (size_t t = 0; t < parts.size(); ++t) {
      std::vector<int32_t> own;
      for (size_t i = 0; i < shard.documents.size(); ++i)
        if (std::ranges::binary_search(lists[t], shard.documents[i])) own.push_back(static_cast<int32_t>(i));
      const size_t end = whole + (parts[t].whole ? 1 : 0);
      if (!own.empty()) {
        shard.tables.push_back(t);
        shard.asked.push_back({&gradients, parts[t].first, parts[t].first + parts[t].steps.size(), own});
        shard.asked.push_back({&wholes, whole, end, own});
      }
      whole = end;
    }
  }
  return shards;
}

// Of the documents shown, how far the steps' scores are from the whole completion's.
struct Gap {
  double gap = 0, largest = 0;
  void add(double steps, double whole) {
    gap = std::max(gap, std::abs(steps - whole));
    largest = std::max(largest, std::abs(whole));
  }
  double share() const { return largest > 0 ? gap / largest : 0; }
};

}  // namespace

void show_documents(const Showing& showing, const QueryGradients& gradients, std::span<const TraceQueries> parts,
                    std::span<InfluenceTable> tables, Ranks& ranks, const Control& control) {
  const Model& model = showing.model;
  std::vector<std::vector<int32_t>> lists;
  std::vector<Query> completions;
  for (size_t t = 0; t < parts.size(); ++t) {
    lists.push_back(ranks.leads() ? named_documents(tables[t], showing.batches) : std::vector<int32_t>());
    ranks.share(lists.back(), control);
    if (parts[t].whole) completions.push_back(*parts[t].whole);
  }
  const QueryGradients wholes = preconditioned(model, showing.factors, completions);
  const std::vector<Shard> shards = shards_of(showing, gradients, wholes, parts, lists);
  const auto blocks = static_cast<size_t>(model.config.layers);
  std::vector<Gap> gaps(parts.size());
  Decomposer decomposer(model);
  const auto work = [&](int64_t number, const auto&) {
    const Shard& shard = shards[static_cast<size_t>(number)];
    if (ranks.leads()) control.say({"tokens and layers of the documents shown", double(number), double(shards.size())});
    std::vector<float> made;
    for (const Decomposition& parts_of : decomposer.of(shard.labelled, shard.asked)) {
      made.insert(made.end(), parts_of.tokens.begin(), parts_of.tokens.end());
      made.insert(made.end(), parts_of.layers.begin(), parts_of.layers.end());
    }
    return made;
  };
  const auto take = [&](int64_t number, const std::vector<float>& made) {
    const Shard& shard = shards[static_cast<size_t>(number)];
    const float* from = made.data();
    for (size_t i = 0; i < shard.tables.size(); ++i) {
      InfluenceTable& table = tables[shard.tables[i]];
      const std::vector<int32_t>& own = shard.asked[2 * i].documents;
      const size_t steps = parts[shard.tables[i]].steps.size();
      size_t rows = 0, row = 0;
      for (const int32_t s : own) rows += showing.batches.document(shard.documents[static_cast<size_t>(s)]).size() - 1;
      const float *tokens = from, *layers = tokens + steps * rows;
      from = layers + steps * own.size() * blocks;
      const size_t wholes_asked = shard.asked[2 * i + 1].last - shard.asked[2 * i + 1].first;
      const float* whole = from + wholes_asked * rows;
      from = whole + wholes_asked * own.size() * blocks;
      for (size_t d = 0; d < own.size(); ++d) {
        const int32_t index = shard.documents[static_cast<size_t>(own[d])];
        const size_t length = showing.batches.document(index).size();
        ShownDocument shown = shown_document(*model.tokenizer, index, showing.corpus.documents[index], length);
        for (size_t s = 0; s < steps; ++s) {
          for (size_t t = row; t < row + length - 1; ++t)
            shown.token_scores.push_back(static_cast<float>(tokens[s * rows + t] * showing.scale));
          shown.token_scores.push_back(0);  // the last token predicts nothing
          for (size_t l = 0; l < blocks; ++l)
            shown.layer_scores.push_back(static_cast<float>(layers[(s * own.size() + d) * blocks + l] * showing.scale));
        }
        table.shown.push_back(std::move(shown));
        row += length - 1;
        if (wholes_asked == 0) continue;
        double sum = 0, all = 0;
        for (size_t s = 0; s < steps; ++s)
          sum += table.scores[s * static_cast<size_t>(table.documents) + static_cast<size_t>(index)];
        for (size_t l = 0; l < blocks; ++l) all += whole[d * blocks + l] * showing.scale;
        gaps[shard.tables[i]].add(sum, all);
      }
    }
  };
  ranks.spread({.key = showing.key, .last = static_cast<int64_t>(shards.size()), .work = work, .take = take}, control);
  for (size_t t = 0; t < tables.size() && ranks.leads(); ++t)
    if (parts[t].whole) tables[t].additivity = gaps[t].share();
}

}  // namespace stemma

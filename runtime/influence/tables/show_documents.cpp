#include "runtime/influence/tables/show_documents.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "kernels/divide_up.h"
#include "kernels/side_by_side.h"
#include "runtime/influence/scan/batch_size.h"
#include "runtime/influence/tables/output_tokens.h"

namespace stemma {
namespace {

constexpr int64_t shard_tokens = 512;  // at most: enough for products; few, so that ranks end together
constexpr int64_t shards_a_round = 2;  // their number is a multiple of it, for the same end

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

// A view of one Decomposition, as it came from whichever rank made it.
struct Shares {
  size_t queries, rows, documents, blocks;
  const float *tokens, *layers;

  float token(size_t query, size_t row) const { return tokens[query * rows + row]; }
  float layer(size_t query, size_t document, size_t block) const {
    return layers[(query * documents + document) * blocks + block];
  }
  double total(size_t query, size_t document) const {
    double sum = 0;
    for (size_t l = 0; l < blocks; ++l) sum += layer(query, document, l);
    return sum;
  }
};

// What one batch of documents is asked: by each trace that shows some of them, its steps and its whole completion.
struct Shard {
  std::vector<int32_t> documents;
  LabelledBatch labelled;
  std::vector<size_t> tables;
  std::vector<Asked> asked;  // two of each table, in their order; the second may ask nothing

  std::vector<int32_t> documents_of(size_t i) const {
    std::vector<int32_t> own;
    for (const int32_t place : asked[i].documents) own.push_back(documents[static_cast<size_t>(place)]);
    return own;
  }
  LabelledBatch batch_of(size_t i, const DocumentBatches& batches) const {
    LabelledBatch own;
    for (const int32_t document : documents_of(i)) own.add(batches.document(document));
    return own;
  }
  // Of asked[i], from the numbers at `from`, which is moved behind them.
  Shares shares(size_t i, size_t blocks, const float*& from) const {
    Shares s{asked[i].last - asked[i].first, 0, asked[i].documents.size(), blocks, from, nullptr};
    for (const int32_t place : asked[i].documents) {
      const Segment& segment = labelled.batch.segments[static_cast<size_t>(place)];
      s.rows += static_cast<size_t>(segment.query_end - segment.query_begin);
    }
    s.layers = s.tokens + s.queries * s.rows;
    from = s.layers + s.queries * s.documents * blocks;
    return s;
  }
};

// Nearly even ones. A table's documents lie together, so that its rows' products are few and tall.
std::vector<Shard> shards_of(const Showing& showing, const QueryGradients& gradients, const QueryGradients& wholes,
                             std::span<const TraceQueries> parts, const std::vector<std::vector<int32_t>>& lists) {
  std::set<int32_t> placed;
  std::vector<int32_t> order;
  int64_t tokens = 0;
  for (const auto& list : lists)
    for (const int32_t document : list) {
      if (!placed.insert(document).second) continue;
      order.push_back(document);
      tokens += std::ssize(showing.batches.document(document)) - 1;
    }
  const int64_t most = std::min(showing.batch_tokens, shard_tokens);
  const int64_t count = tokens <= most ? 1 : divide_up(tokens, most * shards_a_round) * shards_a_round;
  std::vector<Shard> shards;
  int64_t before = 0;
  for (const int32_t document : order) {
    if (before * count >= std::ssize(shards) * tokens) shards.emplace_back();
    shards.back().documents.push_back(document);
    shards.back().labelled.add(showing.batches.document(document));
    before += std::ssize(showing.batches.document(document)) - 1;
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

// A shard's parts where those of each document are known.
std::vector<Decomposition> known_parts(const Showing& showing, const Shard& shard) {
  std::vector<Decomposition> parts(shard.asked.size());  // the whole completion asks nothing
  for (const int32_t document : shard.documents) {
    const Decomposition& one = showing.known(document);
    parts[0].tokens.insert(parts[0].tokens.end(), one.tokens.begin(), one.tokens.end());
    parts[0].layers.insert(parts[0].layers.end(), one.layers.begin(), one.layers.end());
  }
  return parts;
}

// Of the documents shown, how far the steps' scores are from the whole completion's.
struct Gap {
  double gap = 0, largest = 0;
  void add(const InfluenceTable& table, int32_t document, double whole) {
    double sum = 0;
    for (size_t s = 0; s < static_cast<size_t>(table.steps); ++s)
      sum += table.scores[s * static_cast<size_t>(table.documents) + static_cast<size_t>(document)];
    gap = std::max(gap, std::abs(sum - whole));
    largest = std::max(largest, std::abs(whole));
  }
  double share() const { return largest > 0 ? gap / largest : 0; }
};

}  // namespace

void show_texts(const Tokenizer& tokenizer, const Corpus& corpus, const DocumentBatches& batches,
                InfluenceTable& table) {
  for (const int32_t d : named_documents(table, batches))
    table.shown.push_back(shown_document(tokenizer, d, corpus.documents[d], batches.document(d).size()));
}

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
  if (std::ranges::all_of(lists, &std::vector<int32_t>::empty)) return;
  const QueryGradients wholes =
      completions.empty() ? QueryGradients() : preconditioned(model, showing.factors, completions);
  const std::vector<Shard> shards = shards_of(showing, gradients, wholes, parts, lists);
  const auto blocks = static_cast<size_t>(model.config.layers);
  std::vector<Gap> gaps(parts.size());
  struct Lane {
    explicit Lane(const Model& model) : decomposer(model), predicted(model) {}
    Decomposer decomposer;
    OutputTokens predicted;
  };
  const bool side = ranks.alone() && threads_take_batches(model, static_cast<int64_t>(gradients.nats.size()));
  std::vector<std::unique_ptr<Lane>> lanes(side ? static_cast<size_t>(threads_of(*model.ops)) : 1);
  const auto numbers_of = [&](int lane_number, int64_t number, const std::function<void()>& listen) {
    auto& lane = lanes[static_cast<size_t>(lane_number)];
    if (!lane) lane = std::make_unique<Lane>(model);
    const Shard& shard = shards[static_cast<size_t>(number)];
    if (ranks.leads() && lane_number == 0)
      control.say({"tokens and layers of the documents shown", double(number), double(shards.size())});
    std::vector<float> made;
    const auto add = [&](const std::vector<float>& numbers) {
      made.insert(made.end(), numbers.begin(), numbers.end());
    };
    const std::vector<Decomposition> taken_apart =
        showing.known ? known_parts(showing, shard) : lane->decomposer.of(shard.labelled, shard.asked);
    for (size_t i = 0; i < taken_apart.size(); ++i) {
      listen();
      add(taken_apart[i].tokens);
      add(taken_apart[i].layers);
      if (i % 2 == 0) continue;  // the whole completion follows its steps
      const Asked& steps = shard.asked[i - 1];
      add(lane->predicted.of(gradients, steps.first, steps.last, shard.batch_of(i - 1, showing.batches)));
    }
    return made;
  };
  const auto take = [&](int64_t number, const std::vector<float>& made) {
    const Shard& shard = shards[static_cast<size_t>(number)];
    const float* from = made.data();
    for (size_t i = 0; i < shard.tables.size(); ++i) {
      InfluenceTable& table = tables[shard.tables[i]];
      const std::vector<int32_t> documents = shard.documents_of(2 * i);
      const Shares steps = shard.shares(2 * i, blocks, from), whole = shard.shares(2 * i + 1, blocks, from);
      const float* outputs = from;
      from += steps.queries * steps.rows;
      size_t row = 0;
      for (size_t d = 0; d < documents.size(); ++d) {
        const size_t length = showing.batches.document(documents[d]).size();
        const Document& document = showing.corpus.documents[documents[d]];
        ShownDocument shown = shown_document(*model.tokenizer, documents[d], document, length);
        for (size_t s = 0; s < steps.queries; ++s) {
          shown.output_scores.push_back(0);  // nothing predicts the first token
          for (size_t t = row; t < row + length - 1; ++t) {
            shown.token_scores.push_back(static_cast<float>(steps.token(s, t) * showing.scale));
            shown.output_scores.push_back(static_cast<float>(outputs[s * steps.rows + t] * showing.scale));
          }
          shown.token_scores.push_back(0);  // the last token predicts nothing
          for (size_t l = 0; l < blocks; ++l)
            shown.layer_scores.push_back(static_cast<float>(steps.layer(s, d, l) * showing.scale));
        }
        if (whole.queries > 0) gaps[shard.tables[i]].add(table, documents[d], whole.total(0, d) * showing.scale);
        table.shown.push_back(std::move(shown));
        row += length - 1;
      }
    }
  };
  const auto count = static_cast<int64_t>(shards.size());
  if (side) {
    std::vector<std::vector<float>> made(shards.size());
    side_by_side(static_cast<int>(lanes.size()), count, [&](int lane, int64_t number) {
      made[static_cast<size_t>(number)] = numbers_of(lane, number, [&] { control.check(); });
    });
    for (int64_t number = 0; number < count; ++number) take(number, made[static_cast<size_t>(number)]);
  } else {
    const auto work = [&](int64_t number, const auto& listen) { return numbers_of(0, number, listen); };
    ranks.spread({.key = showing.key, .last = count, .work = work, .take = take}, control);
  }
  for (size_t t = 0; t < tables.size() && ranks.leads(); ++t) {
    std::ranges::sort(tables[t].shown, {}, &ShownDocument::index);
    if (parts[t].whole) tables[t].additivity = gaps[t].share();
  }
}

}  // namespace stemma

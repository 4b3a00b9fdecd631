// From scores to tables: the strongest documents of every row, with their tokens and layers.
#pragma once

#include <span>
#include <string>

#include "runtime/influence/documents.h"
#include "runtime/influence/questions.h"
#include "runtime/influence/table.h"

namespace stemma {

// The scores of a trace's rows, of all documents, and what follows from them alone. `nats` of all queries.
InfluenceTable table_of(const TraceQueries& part, const float* rows, const std::vector<float>& nats,
                        const Corpus& corpus, int top);

// What every table says of its making. `factors` null: none.
void describe(InfluenceTable& table, const Model& model, const Factors* factors, const std::string& method,
              const std::optional<AskedSpan>& asked);

// Fills table.shown with every document its lists name, without tokens' and layers' scores.
void show_texts(const Tokenizer& tokenizer, const Corpus& corpus, const DocumentBatches& batches,
                InfluenceTable& table);

// Fills `shown` of each part's table with every document its lists name, and holds the rows' scores of those against
// the whole completion's. The documents of all tables are packed into batches that are spread over the ranks; only rank
// 0 has tables. `gradients` of all queries, preconditioned, by `factors` (null: not); `scale` as of the tables' scores;
// `key` as of Ranks::Pass.
struct Showing {
  const Model& model;
  const Factors* factors;
  const Corpus& corpus;
  const DocumentBatches& batches;
  int64_t batch_tokens;
  double scale;
  std::string key;
};
void show_documents(const Showing& showing, const QueryGradients& gradients, std::span<const TraceQueries> parts,
                    std::span<InfluenceTable> tables, Ranks& ranks, const Control& control);

}  // namespace stemma

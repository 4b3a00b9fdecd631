// The documents that tables name: their texts, and which of their tokens and of the model's layers the scores come
// from.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "runtime/influence/documents.h"
#include "runtime/influence/questions/questions.h"
#include "runtime/influence/tables/decompose.h"
#include "runtime/influence/tables/table.h"

namespace stemma {

// Fills table.shown with every document its lists name, without tokens' and layers' scores.
void show_texts(const Tokenizer& tokenizer, const Corpus& corpus, const DocumentBatches& batches,
                InfluenceTable& table);

// Fills `shown` of each part's table with every document its lists name, and holds the rows' scores of those against
// the whole completion's, where any are named. The documents of all tables are packed into batches that are spread over
// the ranks; only rank 0 has tables. Of N weights and T tokens a document takes 4 N T operations, 2 N T for each table
// that shows it, and 6 N T for each of that table's rows: 2 for its tokens as they are read and its layers, 4 for its
// tokens as they are predicted. Alone, threads take batches of small models, one each. `gradients` of all queries,
// preconditioned, by `factors` (null: not); `scale` as of the tables' scores; `key` as of Ranks::Pass.
struct Showing {
  const Model& model;
  const Factors* factors;
  const Corpus& corpus;
  const DocumentBatches& batches;
  int64_t batch_tokens;
  double scale;
  std::string key;
  // Where one query alone is asked and its scores' parts are known: those of a document of `corpus`. Else empty.
  std::function<const Decomposition&(int32_t document)> known;
};
void show_documents(const Showing& showing, const QueryGradients& gradients, std::span<const TraceQueries> parts,
                    std::span<InfluenceTable> tables, Ranks& ranks, const Control& control);

}  // namespace stemma

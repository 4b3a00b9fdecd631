// From scores to tables: the strongest documents of every row, with their tokens and layers.
#pragma once

#include "runtime/influence/documents.h"
#include "runtime/influence/questions.h"
#include "runtime/influence/table.h"

namespace stemma {

// The scores of a trace's rows and of its whole completion, in rows of all documents, and what follows from them
// alone. `nats` of all queries; `exact` documents alone are held against the whole.
InfluenceTable table_of(const TraceQueries& part, const float* rows, const std::vector<float>& nats,
                        const std::vector<int32_t>& exact, const Corpus& corpus, int top);

// What every table says of its making. `factors` null: none.
void describe(InfluenceTable& table, const Model& model, const Factors* factors, const std::string& method,
              const std::optional<AskedSpan>& asked);

// Fills table.shown with every document its lists name, without tokens' and layers' scores.
void show_texts(const Tokenizer& tokenizer, const Corpus& corpus, const DocumentBatches& batches, InfluenceTable& table);

// Fills table.shown with every document its lists name, packed into batches that are spread over the ranks; only rank 0
// has a table. Of N weights, T tokens and S rows a document takes 6 N T operations, and 6 N T for each row: 2 for its
// tokens as they are read and its layers, 4 for its tokens as they are predicted. `scale` as of the table's scores; `key` as of Ranks::Pass.
void show_documents(const Model& model, const QueryGradients& gradients, const TraceQueries& part, const Corpus& corpus,
                    const DocumentBatches& batches, int64_t batch_tokens, double scale, InfluenceTable& table,
                    const std::string& key, Ranks& ranks, const Control& control);

}  // namespace stemma

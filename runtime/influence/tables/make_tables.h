// From scores to tables: the strongest documents of every row.
#pragma once

#include "runtime/influence/questions/questions.h"
#include "runtime/influence/tables/table.h"

namespace stemma {

// What a corpus calls its documents: made once for all its tables.
struct DocumentNames {
  explicit DocumentNames(const Corpus& corpus);
  SharedTexts ids, sources;
};

// The scores of a trace's rows, of all documents, and what follows from them alone. `nats` of all queries.
InfluenceTable table_of(const TraceQueries& part, const float* rows, const std::vector<float>& nats,
                        const Corpus& corpus, const DocumentNames& names, int top);

// What every table says of its making. `factors` null: none.
void describe(InfluenceTable& table, const Model& model, const Factors* factors, const std::string& method,
              const std::optional<AskedSpan>& asked);

}  // namespace stemma

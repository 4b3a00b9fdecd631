#include "runtime/influence/tables/make_tables.h"

#include <algorithm>
#include <cmath>

#include "runtime/influence/scan/two_stage.h"
#include "runtime/program.h"

namespace stemma {

DocumentNames::DocumentNames(const Corpus& corpus) {
  std::vector<std::string> all_ids, all_sources;
  for (const Document& document : corpus.documents) {
    all_ids.push_back(document.id);
    all_sources.push_back(document.source);
  }
  ids = std::move(all_ids);
  sources = std::move(all_sources);
}

InfluenceTable table_of(const TraceQueries& part, const float* rows, const std::vector<float>& nats,
                        const Corpus& corpus, const DocumentNames& names, int top) {
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
  table.document_ids = names.ids;
  table.document_sources = names.sources;
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

}  // namespace stemma

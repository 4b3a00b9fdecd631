#include <fmt/format.h>
#include <fmt/ostream.h>

#include "app/commands/study_parts.h"
#include "runtime/study/rate.h"

namespace stemma {

void write_time(std::ostream& out, const Model& model, const Factors& factors, const CorpusOptions& options,
                const Outcome& query, const Control& control) {
  CorpusOptions every = options;
  every.all = true;
  const Corpus corpus = every.load();
  const double rate = matmul_rate(*model.ops);
  const auto tables = tables_of(model, factors, corpus, {query}, "ekfac", control);
  const DocumentBatches batches(model, corpus, 2048, control);
  const double tracked = tracked_parameters(model), passed = passed_parameters(model),
               tokens = static_cast<double>(batches.tokens()), documents = static_cast<double>(batches.documents());
  const double queries = tables[0].steps + 1;
  const double scan_floor = stemma::scan_floor(passed, tracked, tokens, documents, queries) / rate;
  const double fit_floor = stemma::fit_floor(passed, double(factors.tokens)) / rate;
  fmt::print(out,
             "Matrix products on this device, measured in the same run: {:.1f} GFLOP/s ({}). Tracked parameters N = "
             "{:.0f}.\n\n"
             "| work | documents | tokens | seconds | floor, seconds | share of the floor's rate "
             "|\n|---|---|---|---|---|---|\n",
             rate / 1e9, model.ops->device(), tracked);
  fmt::print(out, "| fit (two passes of 4NT) | {} | {} | {:.1f} | {:.1f} | {:.0f} % |\n", factors.documents,
             factors.tokens, factors.seconds, fit_floor, 100 * fit_floor / factors.seconds);
  fmt::print(out, "| scan of {:.0f} queries (4NT + dot products) | {:.0f} | {:.0f} | {:.1f} | {:.1f} | {:.0f} % |\n\n",
             queries, documents, tokens, tables[0].seconds, scan_floor, 100 * scan_floor / tables[0].seconds);
  fmt::print(out,
             "The fit's floor leaves out its rotations and its eigenbases; the scan forms each document's gradient "
             "(2NT more). The fit ran when the factors were made.\n\n");
}

}  // namespace stemma

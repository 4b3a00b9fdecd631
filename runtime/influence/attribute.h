// From the steps of a trace to the documents behind them: query gradients, preconditioning, one scan of the corpus.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "runtime/corpus/corpus.h"
#include "runtime/influence/curvature/factors.h"
#include "runtime/influence/questions/questions.h"
#include "runtime/influence/tables/table.h"
#include "runtime/model/model.h"
#include "runtime/progress.h"
#include "runtime/trace/trace.h"

namespace stemma {

inline constexpr int64_t usual_rescored = 1000;  // strongest of each question and side, after a first stage

struct AttributeOptions {
  std::string method = "ekfac";   // or "gradient": the plain dot product, G = identity
  std::optional<AskedSpan> span;  // asked instead of the steps, of one trace
  int top = 25;                   // proponents, and as many opponents, kept per step
  int64_t batch_tokens = 0;       // documents are packed to this many tokens; 0: scan_batch_tokens (batch_size.h)
  int64_t rank = 0;               // of the queries that scan the corpus (low_rank.h); 0: full, exact
  std::optional<Precision> precision;  // of a scan of low rank; else bf16 where the device gains by it
  int64_t rescore = 0;  // a question's strongest after a scan of low rank or a search, scored again exactly; 0:
                        // usual_rescored, or of a search as many as its first places need (index/candidates.h)
  std::filesystem::path unfinished;  // where the scores so far are kept (unfinished.h); empty: nowhere
  double pause = 10;                 // seconds between two such writings, at least
  Ranks* ranks = nullptr;            // over which the scan is spread; null: alone

  // Of batches of those documents that are shown, or scored again.
  int64_t tokens_of_few() const { return batch_tokens > 0 ? batch_tokens : usual_batch_tokens; }
};

// What attribute() asks. Throws Error as it does before it computes anything.
Questions questions_to_scan(const Model& model, const Factors* factors, const std::vector<const Trace*>& traces,
                            const AttributeOptions& options);

// One table per trace; the steps of all traces are scored in one pass over the corpus. Prompt steps are not queries.
// Only rank 0 returns them. `factors` may be null for "gradient". Throws Error: factors or traces of another model;
// cancelled.
std::vector<InfluenceTable> attribute(const Model& model, const Factors* factors, const Corpus& corpus,
                                      const std::vector<const Trace*>& traces, const AttributeOptions& options,
                                      const Control& control);

}  // namespace stemma

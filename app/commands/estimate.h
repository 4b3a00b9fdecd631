// What long work over a corpus would cost, before it runs: counted tokens, and the time of small parts of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "runtime/corpus/corpus.h"
#include "runtime/influence/curvature/factors.h"
#include "runtime/influence/precision.h"
#include "runtime/influence/questions/questions.h"
#include "runtime/model/model.h"
#include "runtime/progress.h"

namespace stemma {

// What a stage takes, in seconds.
struct StageCost {
  double per_token = 0, per_batch = 0;
  double of(double tokens, double batches) const { return per_token * tokens + per_batch * batches; }
};

struct Estimate {
  int64_t documents = 0, tokens = 0;
  int64_t measured_documents = 0, measured_queries = 0;  // queries whose gradients were made: 0 where it is no scan
  double tokens_per_second = 0, seconds = 0;
  std::map<std::string, double> stages;    // seconds of each, as the work names them in its news
  std::map<std::string, StageCost> costs;  // of those that grow with the corpus
};

// Runs `work` on parts of the corpus, spread over it, each of twice the documents and run twice, until one takes about
// two seconds. What a part takes grows with its tokens and with its batches, of which `work` says how many it had and
// `batches` how many the corpus has; one: what does not grow is there once. A stage that costs the same however long
// the corpus is ("query gradients") may be left out after the first part. Stops where `control` says so.
using MeasuredWork = std::function<int64_t(const Corpus&, const Control&)>;
Estimate estimate(const Model& model, const Corpus& corpus, const Control& control, int64_t batches,
                  const MeasuredWork& work);

// Of a fit. Its eigenbases are not made for it: one decomposition of at most 1,024 rows is timed for each width, and
// wider ones take as much more as they have operations, (n / 1024)^3. `factors`, if given, gets those of the largest
// part, whose bases are no eigenbases: good for timing a scan with.
Estimate estimate_fit(const Model& model, const Corpus& corpus, const FitOptions& options, const Control& control,
                      std::unique_ptr<Factors>* factors = nullptr);

// A scan by `queries` queries: those asked, or where there are none the second halves of documents, of `query_tokens`
// at most.
struct PlannedScan {
  int64_t queries = 1, query_tokens = 256, rank = 0;
  Precision precision = Precision::f32;  // of a first stage, which has a rank
  int64_t batch_tokens = 0;              // 0: scan_batch_tokens
  const Questions* asked = nullptr;
  int top = 0;  // of those asked at full rank: documents shown on each side, with tokens and layers
};
// A few of the queries are made, spread over all, and copied: each takes as long as another. `factors` null: not
// preconditioned.
Estimate estimate_scan(const Model& model, const Factors* factors, const Corpus& corpus, const PlannedScan& planned,
                       const Control& control);
// Seconds of the second stages after a scan of low rank, of so many traces that each ask as `one` does: its `rescored`
// strongest of each question and side are scored exactly, and shown. At most, since the questions of a trace often
// share their strongest.
double seconds_of_second_stages(const Model& model, const Factors* factors, const Corpus& corpus,
                                const PlannedScan& one, double traces, int64_t rescored, const Control& control);

// Floating-point operations, of the model's passes and the products of each method; N parameters tracked, T tokens,
// D documents, S steps. Decompositions are left out: they do not grow with the corpus.
double fit_operations(const Model& model, const LayerChoice& choice, int64_t documents, int64_t tokens);
double scan_operations(const ModelConfig& config, int64_t tokens, int64_t documents, int64_t steps);

}  // namespace stemma

// What long work over a corpus would cost, before it runs: counted tokens, and the time of two small parts of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "runtime/corpus/corpus.h"
#include "runtime/influence/factors.h"
#include "runtime/model/model.h"
#include "runtime/progress.h"

namespace stemma {

struct Estimate {
  int64_t documents = 0, tokens = 0;
  int64_t measured_documents = 0;
  double tokens_per_second = 0, seconds = 0;
  std::map<std::string, double> stages;  // seconds of each, as the work names them in its news
};

// Runs `work` on two parts of the corpus, spread over it; what it took beyond a fixed cost grows with the tokens. Stops
// where `control` says so.
using MeasuredWork = std::function<void(const Corpus&, const Control&)>;
Estimate estimate(const Model& model, const Corpus& corpus, const Control& control, const MeasuredWork& work);

int64_t count_tokens(const Model& model, const Corpus& corpus);

// Floating-point operations, of the model's passes and the products of each method; N parameters tracked, T tokens,
// D documents, S steps. Decompositions are left out: they do not grow with the corpus.
double fit_operations(const Model& model, const LayerChoice& choice, int64_t documents, int64_t tokens);
double scan_operations(const ModelConfig& config, int64_t tokens, int64_t documents, int64_t steps);

}  // namespace stemma

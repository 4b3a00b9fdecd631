// What a fit and a scan will hold in memory, counted from shapes before they run: device and host together, in bytes,
// on top of the model, the corpus and its tokens. On the CPU that is what the process grows by, within a tenth
// (tests/runtime/influence/memory_test.cpp).
#pragma once

#include <cstdint>

#include "runtime/influence/curvature/factors.h"
#include "runtime/influence/documents.h"
#include "runtime/influence/precision.h"
#include "runtime/model/model.h"

namespace stemma {

// A forward and a backward of a batch of `rows`.
double pass_bytes(const Model& model, int64_t rows);

struct FitMemory {
  double covariances = 0, eigenbases = 0, eigenvalues = 0;  // each stage's own peak
  double waiting = 0;  // beside that, on rank 0 of many, at most: sums that wait for an earlier shard's
  double peak() const;
};
// Throws Error(usage) where the choice means no layer.
FitMemory fit_memory(const Model& model, const DocumentBatches& batches, const FitOptions& options = {});

// Spans of sequences of at most `query_tokens` tokens.
struct ScanQueries {
  int64_t count = 0, query_tokens = 0;
  LayerChoice choice;
  int64_t rank = 0;      // of a first stage; 0: one stage, of full rank
  Precision precision = Precision::f32;  // of that first stage
  int64_t together = 0;  // queries of one trace, at most, that are scored again at full rank after a first stage
};

struct ScanMemory {
  double queries = 0;  // the gradients of all queries and their preconditioning
  double scan = 0;     // those gradients, the scores of all documents, and a batch
  double tables = 0;   // when the scores become tables
  double peak() const;
};
// Against all `documents` of the corpus.
ScanMemory scan_memory(const Model& model, const DocumentBatches& batches, int64_t documents,
                       const ScanQueries& queries);

double factors_file_bytes(const Model& model, const LayerChoice& choice);
// Of the documents' scores in a session: queries that are steps, before compression.
double scores_file_bytes(int64_t documents, int64_t queries);

}  // namespace stemma

// Whether a fit and a scan fit into this machine's memory, before they run.
#pragma once

#include "runtime/influence/memory.h"
#include "runtime/progress.h"

namespace stemma {

struct InfluenceMemory {
  int64_t tokens = 0;    // that predict one, in all documents
  int64_t scan_tokens = 0, scan_batches = 0;  // in a batch of the scan, at most; and how many those are
  double documents = 0;  // bytes of the corpus's tokens
  double available = 0;  // bytes of this machine that are free now; 0: not known
  FitMemory fit;
  ScanMemory scan;
};

struct PlannedWork {
  const FitOptions* fit = nullptr;  // null: no fit
  ScanQueries scan;                 // of none: no scan
  const Ranks* ranks = nullptr;     // over which the scan is spread; null: alone
};

// Throws Error(does_not_fit) where the memory of the CPU's machine will not do for that work, saying what would. On
// other devices, whose memory is not asked, it only counts.
InfluenceMemory expect_memory_to_fit(const Model& model, const Corpus& corpus, const PlannedWork& work,
                                     const Control& control);

}  // namespace stemma

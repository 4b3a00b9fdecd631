// Whether a fit and a scan fit into this machine's memory, before they run.
#pragma once

#include "runtime/influence/memory.h"
#include "runtime/progress.h"

namespace stemma {

struct InfluenceMemory {
  int64_t tokens = 0;    // that predict one, in all documents
  double documents = 0;  // bytes of the corpus's tokens
  double available = 0;  // bytes of this machine that are free now; 0: not known
  FitMemory fit;
  ScanMemory scan;
};

// `queries` 0: of the fit alone. Throws Error(does_not_fit) where the memory of the CPU's machine will not do, saying
// what would. On other devices, whose memory is not asked, it only counts.
InfluenceMemory expect_memory_to_fit(const Model& model, const Corpus& corpus, int64_t queries, int64_t query_tokens,
                                     const Control& control);
double available_memory();  // bytes, /proc/meminfo; 0 where it does not say

}  // namespace stemma

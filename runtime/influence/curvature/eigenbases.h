// The eigenbases of a fit's sums (Grosse et al. 2023, eq. 18), shared over the threads of a rank and over ranks.
#pragma once

#include <string>
#include <vector>

#include "runtime/influence/curvature/shard_sums.h"
#include "runtime/progress.h"
#include "runtime/ranks/ranks.h"

namespace stemma {

// Of one side of a layer, in blocks (curvature/blocks.h).
struct SideBasis {
  size_t sum;                   // its number among the sums
  int64_t side, width;          // (side,width) of both
  std::vector<float>* vectors;  // what comes out, on every rank
};

struct EigenbasesOptions {
  std::string key;        // of the work, as Ranks::Pass has it
  int64_t tokens = 0;     // that were summed
  bool known = false;     // rank 0 has the vectors already, of an earlier run
  bool identity = false;  // in their place
};

// In f64. Rank 0 has the sums, and ends each total whose vectors are there. All ranks call it with the same sides.
// Throws Error.
void find_eigenbases(const std::vector<SideBasis>& sides, ShardSums& sums, Ops& ops, const EigenbasesOptions& options,
                     Ranks& ranks, const Control& control);

}  // namespace stemma

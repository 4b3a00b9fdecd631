// A long trace, recorded whole: what it takes in memory and on disk beside the arithmetic, and how long one waits for
// it when it is opened and stepped through.
#pragma once

#include <string>

namespace stemma {

struct BenchTrace {
  std::string shape = "smollm-135m", dtype = "f32", capture = "residual", device = "auto";
  std::string keep;  // a folder for model and session, to be opened afterwards; empty: nothing is kept. Not of blocks
  int tokens = 10000;
  bool json = false;
};

int bench_trace(const BenchTrace& options);  // exit status

}  // namespace stemma

// What recording costs: the same tokens written with and without it.
#pragma once

#include <string>

namespace stemma {

struct BenchCapture {
  std::string shape = "smollm-135m", dtype = "f32", capture = "residual", device = "auto";
  int tokens = 48, repeat = 15;  // of a stretch; pairs of stretches
  bool json = false;
};

int bench_capture(const BenchCapture& options);  // exit status

}  // namespace stemma

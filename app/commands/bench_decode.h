// How fast tokens are written one after the other, beside the memory's bandwidth: each token reads every weight once.
#pragma once

#include <cstdint>
#include <string>

namespace stemma {

struct BenchDecode {
  std::string shape = "smollm-135m", device = "auto";
  int64_t tokens = 0;  // 0: as many as take some seconds
  bool json = false;
};

int bench_decode(const BenchDecode& options);  // exit status

}  // namespace stemma

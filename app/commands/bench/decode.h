// How fast tokens are written one after the other, beside the memory's bandwidth: each token reads every weight once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace stemma {

struct BenchDecode {
  std::string shape = "smollm-135m", device = "auto", dtype = "f32";
  std::filesystem::path model;  // instead of random weights of a shape: kept as they are stored
  int64_t tokens = 0;  // 0: as many as take some seconds
  int batch = 1;       // sequences that are written together; beside one alone
  bool json = false;
};

int bench_decode(const BenchDecode& options);  // exit status

}  // namespace stemma

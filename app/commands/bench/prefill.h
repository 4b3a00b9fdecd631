// How fast a prompt is read, beside the rate of matrix products.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace stemma {

struct BenchPrefill {
  std::string shape = "smollm-135m", device = "auto", dtype = "f32";
  std::filesystem::path model;  // instead of random weights of a shape: kept as they are stored
  int64_t tokens = 512, chunk = 512;
  bool json = false;
};

int bench_prefill(const BenchPrefill& options);  // exit status

}  // namespace stemma

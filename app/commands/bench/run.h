// What the benchmarks of recording share: one generation of a random model, timed, and a folder that is gone after it.
#pragma once

#include <filesystem>

#include "runtime/model/model.h"
#include "runtime/trace/capture_run.h"

namespace stemma {

struct BenchFolder {
  std::filesystem::path path;
  BenchFolder();
  ~BenchFolder();
  BenchFolder(const BenchFolder&) = delete;
  BenchFolder& operator=(const BenchFolder&) = delete;
};

// A random model that writes on to its last token, with texts for its tokens.
Model writing_model(const std::string& shape, const std::string& dtype, const std::string& device, int tokens);

struct BenchRun {
  Session session;
  double seconds = 0;  // from its first token to its last
  double whole = 0;    // seconds with the files made, closed, checked and saved
};
// The same tokens at every call. Leaves the session at `path`.
BenchRun run_bench(const Model& model, const CaptureChoice& capture, int tokens, const std::filesystem::path& path,
                   const Control& control = {});

double bench_seconds();  // of a steady clock
double peak_memory();    // bytes, of this process so far

}  // namespace stemma

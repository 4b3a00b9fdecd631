// How fast curvature is fitted and documents are scanned, as shares of the floor (runtime/study/rate.h) and of the
// products that the work does: what the floor leaves out is the documents' gradients and, in a fit, covariances and
// rotations.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stemma {

struct BenchAttribute {
  std::string shape = "demo", device = "auto";
  std::vector<int> queries = {1, 10, 100};
  int64_t documents = 0, tokens = 0;  // 0: chosen by the shape
  int64_t rank = 32;                  // of the scans of low rank
  int64_t batch = 0;                  // tokens of the scans' batches; 0: as where the corpus is long
  std::vector<std::string> only = {"fit", "thin", "full"};  // the fit, scans of low rank, and those of full rank
  int repeat = 3;
  bool plan = false;  // beside each time what `stemma plan` foretells
  bool eigenbases = false;  // decompose, once; else the fit has identities in their place, which cost the rest the same
  bool processor_time = false, json = false;
};

int bench_attribute(const BenchAttribute& options);  // exit status

}  // namespace stemma

// How long an index of many documents takes to answer a question.
#pragma once

#include <cstdint>
#include <string>

namespace stemma {

struct BenchIndex {
  std::string folder;  // where the index is made, and removed again; empty: the system's temporary folder
  int64_t documents = 1000000, numbers = 3072;
  int64_t rescored = 200;  // proponents of each question that are scored exactly, and a quarter as many opponents
  int repeat = 1;
  bool json = false;
};

int bench_index(const BenchIndex& options);  // exit status

}  // namespace stemma

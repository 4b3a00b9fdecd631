// How fast text becomes tokens, on one thread.
#pragma once

#include <string>

namespace stemma {

struct BenchTokenize {
  std::string model, text;  // a tokenizer and a file of text
  int repeat = 5;
  bool json = false;
};

int bench_tokenize(const BenchTokenize& options);  // exit status

}  // namespace stemma

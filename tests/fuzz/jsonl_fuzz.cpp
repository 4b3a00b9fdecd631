// Corpora from strangers: plain, gzip and zstd bytes either become documents or an Error.
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "runtime/corpus/corpus.h"
#include "runtime/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path();
  for (const char* ending : {".jsonl", ".jsonl.gz", ".jsonl.zst", ".txt"}) {
    const std::filesystem::path path = folder / ("stemma-fuzz-" + std::to_string(::getpid()) + ending);
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    try {
      for (const int64_t sample : {0, 2}) stemma::load_corpus({path}, sample);
    } catch (const stemma::Error&) {
      // What a bad file deserves.
    }
    std::filesystem::remove(path);
  }
  return 0;
}

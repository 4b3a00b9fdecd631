// An index from strangers, its head or one of its parts: it opens and is read, or throws an Error.
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "kernels/ops.h"
#include "runtime/error.h"
#include "runtime/influence/index/index.h"

namespace fs = std::filesystem;

namespace {

// The head that the corpus's parts belong to.
void save_small_head(const fs::path& path) {
  stemma::IndexHead head;
  head.model_hash = "model";
  head.factors_hash = "factors";
  head.basis.side = 2;
  head.basis.directions = 3;
  head.basis.numbers = 4;
  head.basis.documents = 5;
  for (const size_t coordinates : {4, 6}) {
    head.basis.layers.emplace_back(coordinates * 3);
    std::iota(head.basis.layers.back().begin(), head.basis.layers.back().end(), 1.0f);
  }
  head.basis.joint.assign(2 * 3 * 4, 0.5f);
  stemma::save_index_head(head, path);
}

void read_all(const fs::path& path) {
  const stemma::Index index(path);
  index.ids();
  index.bytes();
  index.corpus_hash();
  std::vector<int64_t> documents(static_cast<size_t>(index.documents()));
  std::iota(documents.begin(), documents.end(), int64_t{0});
  for (const int64_t d : documents) index.tokens(d);
  index.rows(documents);
  index.scores(*stemma::make_cpu_ops(), std::vector<float>(static_cast<size_t>(index.head().basis.row()), 1.0f), {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fs::path folder = fs::temp_directory_path() / ("stemma-fuzz-" + std::to_string(::getpid()));
  const fs::path index = folder / "I.h5", part = stemma::index_part_path(index, 1);
  for (const bool head : {true, false}) {
    fs::create_directories(folder);
    if (!head) save_small_head(index);
    std::ofstream(head ? index : part, std::ios::binary | std::ios::trunc)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    try {
      read_all(index);
    } catch (const stemma::Error&) {
      // What a bad file deserves.
    }
    fs::remove_all(folder);
  }
  return 0;
}

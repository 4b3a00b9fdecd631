// Models, corpora, curvature factors and an index already read. Compute thread.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/corpus/corpus.h"
#include "runtime/influence/curvature/factors.h"
#include "runtime/influence/index/answer.h"
#include "runtime/model/model.h"
#include "runtime/progress.h"

namespace stemma {

class Shelf {
 public:
  std::shared_ptr<const Model> model(const std::filesystem::path& folder);
  std::shared_ptr<const Corpus> documents(const std::vector<std::filesystem::path>& paths, int64_t sample);
  // Where the file does not exist the factors are fitted to the corpus and kept in it.
  std::shared_ptr<const Factors> curvature(const std::filesystem::path& file, const Model& model, const Corpus* corpus,
                                           const Control& control);
  std::shared_ptr<IndexSearch> index(const std::filesystem::path& path, const std::shared_ptr<const Model>& model,
                                     const std::shared_ptr<const Factors>& factors);

 private:
  std::map<std::filesystem::path, std::shared_ptr<const Model>> models_;
  std::map<std::filesystem::path, std::shared_ptr<const Factors>> factors_;
  std::pair<std::vector<std::filesystem::path>, int64_t> corpus_key_;
  std::shared_ptr<const Corpus> corpus_;
  std::pair<std::filesystem::path, int> index_key_;  // and how many parts it had: documents may have been added
  std::shared_ptr<IndexSearch> search_;
};

}  // namespace stemma

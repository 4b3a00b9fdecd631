#include "app/shelf.h"

#include "runtime/error.h"

namespace stemma {

std::shared_ptr<const Model> Shelf::model(const std::filesystem::path& folder) {
  auto& slot = models_[folder];
  if (!slot) slot = load_model(folder, open_device("auto"));
  return slot;
}

std::shared_ptr<const Corpus> Shelf::documents(const std::vector<std::filesystem::path>& paths, int64_t sample) {
  const std::pair key(paths, sample);
  if (!corpus_ || key != corpus_key_) {
    corpus_ = std::make_shared<const Corpus>(load_corpus(paths, sample));
    corpus_key_ = key;
  }
  return corpus_;
}

std::shared_ptr<const Factors> Shelf::curvature(const std::filesystem::path& file, const Model& model,
                                                const Corpus* corpus, const Control& control) {
  auto& slot = factors_[file];
  if (slot) return slot;
  std::error_code error;
  if (std::filesystem::exists(file, error)) {
    slot = std::make_shared<const Factors>(load_factors(file));
  } else if (!corpus) {
    throw Error(ErrorCode::not_found,
                file.string() + ": not there; an index is asked with the factors it was made with");
  } else {
    slot = std::make_shared<const Factors>(fit_factors_into(file, model, *corpus, {}, control));
  }
  return slot;
}

std::shared_ptr<IndexSearch> Shelf::index(const std::filesystem::path& path, const std::shared_ptr<const Model>& model,
                                          const std::shared_ptr<const Factors>& factors) {
  const std::pair key(path, parts_of_index(path));
  if (!search_ || key != index_key_ || &search_->model() != model.get() || &search_->factors() != factors.get()) {
    search_ = std::make_shared<IndexSearch>(model, factors, path);
    index_key_ = key;
  }
  return search_;
}

}  // namespace stemma

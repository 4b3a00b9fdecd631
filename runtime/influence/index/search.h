// An index opened together with the model and the factors it was made with: what every search needs is made once.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "runtime/influence/index/correction.h"
#include "runtime/influence/index/index.h"

namespace stemma {

class IndexSearch {
 public:
  // Throws Error: of another model or other factors; missing, damaged.
  IndexSearch(std::shared_ptr<const Model> model, std::shared_ptr<const Factors> factors,
              const std::filesystem::path& path);

  const Model& model() const { return *model_; }
  const Factors& factors() const { return *factors_; }
  const Index& index() const { return index_; }

  // Of what precondition() and a scan would score: (Q, D). `gradients` before precondition(). Throws Error: cancelled.
  std::vector<float> estimates(const QueryGradients& gradients, const Control& control);
  Corrections corrections() const { return {index_, cpu_}; }

 private:
  std::shared_ptr<const Model> model_;
  std::shared_ptr<const Factors> factors_;
  Index index_;
  Projection projection_;
  std::shared_ptr<Ops> cpu_;
};

}  // namespace stemma

#include "runtime/influence/index/search.h"

#include "runtime/error.h"

namespace stemma {
namespace {

Index checked(const Model& model, const Factors& factors, const std::filesystem::path& path) {
  Index index(path);
  if (index.head().model_hash != model.hash || index.head().factors_hash != factors.hash ||
      !fit_together(factors, model))
    throw Error(
        ErrorCode::does_not_fit,
        path.string() + ": an index of another model or of other factors; make one of these with `stemma index`");
  return index;
}

}  // namespace

IndexSearch::IndexSearch(std::shared_ptr<const Model> model, std::shared_ptr<const Factors> factors,
                         const std::filesystem::path& path)
    : model_(std::move(model)),
      factors_(std::move(factors)),
      index_(checked(*model_, *factors_, path)),
      projection_(*model_, *factors_, index_.head().basis),
      cpu_(make_cpu_ops()) {}

std::vector<float> IndexSearch::estimates(const QueryGradients& gradients, const Control& control) {
  return index_.scores(*cpu_, projection_.of_queries(gradients), control);
}

}  // namespace stemma

#include "runtime/influence/index/search.h"

#include <fmt/format.h>

#include <charconv>

#include "runtime/error.h"

namespace stemma {
namespace {

// An answer from some of the parts would pass for one from all.
void expect_all_parts(const Index& index) {
  const std::filesystem::path& path = index.path();
  const std::string start = path.stem().string() + ".";
  int last = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::absolute(path).parent_path())) {
    const std::string name = entry.path().filename().string();
    int number = 0;
    if (name.starts_with(start) &&
        std::from_chars(name.data() + start.size(), name.data() + name.size(), number).ec == std::errc() &&
        name == index_part_path(path, number).filename())
      last = std::max(last, number);
  }
  if (last > index.parts())
    throw Error(ErrorCode::not_found,
                fmt::format("{}: is missing, a part of {}; bring it back, or make the index again",
                            index_part_path(path, index.parts() + 1).string(), path.string()));
  if (index.documents() == 0)
    throw Error(ErrorCode::not_found, path.string() + ": holds no documents yet; `stemma index` adds them");
}

Index checked(const Model& model, const Factors& factors, const std::filesystem::path& path) {
  Index index(path);
  if (index.head().model_hash != model.hash || index.head().factors_hash != factors.hash ||
      !fit_together(factors, model))
    throw Error(
        ErrorCode::does_not_fit,
        path.string() + ": an index of another model or of other factors; make one of these with `stemma index`");
  expect_all_parts(index);
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

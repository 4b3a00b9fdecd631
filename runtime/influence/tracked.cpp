#include "runtime/influence/tracked.h"

#include <fmt/format.h>

#include <set>

#include "runtime/error.h"
#include "runtime/name_pattern.h"

namespace stemma {

namespace {

std::vector<size_t> layers_meant(const Model& model, const std::string& word) {
  const std::string pattern = word == "all" ? "*" : word == "mlp" || word == "attn" ? "*." + word + ".*" : word;
  std::vector<size_t> chosen;
  for (size_t i = 0; i < tracked_count(model); ++i)
    if (matches(pattern, tracked_name(tracked_layer(model, i), tracked_linear(model, i)))) chosen.push_back(i);
  return chosen;
}

}  // namespace

std::vector<size_t> layers_matching(const Model& model, const std::string& list) {
  std::set<size_t> chosen;
  for (const std::string& word : words_of_list(list))
    for (const size_t i : layers_meant(model, word)) chosen.insert(i);
  return {chosen.begin(), chosen.end()};
}

std::vector<size_t> chosen_layers(const Model& model, const std::string& list) {
  std::vector<std::string> words = words_of_list(list);
  if (words.empty()) words.push_back(list);
  for (const std::string& word : words)
    if (layers_meant(model, word).empty())
      throw Error(ErrorCode::usage,
                  fmt::format("--layers {}: {} has no such layer; they are called {} to {}", word, model.path.string(),
                              tracked_name(0, tracked_linear(model, 0)),
                              tracked_name(model.config.layers - 1, tracked_linear(model, tracked_count(model) - 1))));
  return layers_matching(model, list);
}

}  // namespace stemma

#include "runtime/influence/tracked.h"

#include <fmt/format.h>

#include <string_view>

#include "runtime/error.h"

namespace stemma {

namespace {

bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern.front() != '*')
    return !name.empty() && name.front() == pattern.front() && matches(pattern.substr(1), name.substr(1));
  while (pattern.starts_with("*")) pattern.remove_prefix(1);
  if (pattern.empty()) return true;
  for (; !name.empty(); name.remove_prefix(1))
    if (matches(pattern, name)) return true;
  return false;
}

}  // namespace

std::vector<size_t> layers_matching(const Model& model, const std::string& pattern) {
  const std::string meant = pattern == "all"                        ? "*"
                            : pattern == "mlp" || pattern == "attn" ? "*." + pattern + ".*"
                                                                    : pattern;
  std::vector<size_t> chosen;
  for (size_t i = 0; i < tracked_count(model); ++i)
    if (matches(meant, tracked_name(tracked_layer(model, i), tracked_linear(model, i)))) chosen.push_back(i);
  return chosen;
}

std::vector<size_t> chosen_layers(const Model& model, const std::string& pattern) {
  std::vector<size_t> chosen = layers_matching(model, pattern);
  if (chosen.empty())
    throw Error(ErrorCode::usage,
                fmt::format("--layers {}: {} has no such layer; they are called {} to {}", pattern, model.path.string(),
                            tracked_name(0, tracked_linear(model, 0)),
                            tracked_name(model.config.layers - 1, tracked_linear(model, tracked_count(model) - 1))));
  return chosen;
}

}  // namespace stemma

#include "runtime/trace/capture_list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "runtime/edit_distance.h"
#include "runtime/error.h"
#include "runtime/name_pattern.h"

namespace stemma {
namespace {

std::vector<std::string> nearest(const std::string& wrong, const std::vector<std::string>& names) {
  constexpr size_t offered = 3;
  std::vector<std::pair<size_t, std::string>> order;
  for (const std::string& name : names) order.emplace_back(edit_distance(wrong, name), name);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> first;
  for (size_t i = 0; i < std::min(offered, order.size()); ++i) first.push_back(order[i].second);
  return first;
}

}  // namespace

CaptureChoice read_capture_list(const std::string& list, const ModelConfig& config) {
  const std::vector<Site> known = sites_of(config);
  std::vector<std::string> names;
  for (const Site site : known) names.push_back(name_of(site));
  std::vector<bool> wanted(known.size());
  CaptureChoice choice;
  for (const std::string& word : words_of_list(list)) {
    if (word == "none") continue;
    if (word == "attention" || word == "all") choice.attention = true;
    if (word == "attention") continue;
    const std::string pattern = word == "all" ? "*" : word == "residual" ? "blocks.*.hook_resid_post" : word;
    bool found = false;
    for (size_t i = 0; i < known.size(); ++i)
      if (matches(pattern, names[i])) found = wanted[i] = true;
    if (!found)
      throw Error(
          ErrorCode::usage,
          fmt::format("'{}' is no site of this model ({} layers); nearest are {}, or write residual, attention, all or none", word,
                      config.layers, fmt::join(nearest(word, names), ", ")));
  }
  for (size_t i = 0; i < known.size(); ++i)
    if (wanted[i]) choice.sites.push_back(known[i]);
  return choice;
}

}  // namespace stemma

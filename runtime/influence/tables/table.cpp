#include "runtime/influence/tables/table.h"

#include <algorithm>

namespace stemma {

std::span<const float> ShownDocument::scores_of(TokenPart part, int row) const {
  const std::vector<float>& scores = part == TokenPart::read ? token_scores : output_scores;
  const auto count = static_cast<size_t>(tokens()), begin = static_cast<size_t>(std::max(row, 0)) * count;
  if (row < 0 || begin + count > scores.size()) return {};
  return std::span(scores).subspan(begin, count);
}

const ShownDocument* InfluenceTable::find(int32_t document) const {
  const auto place = std::lower_bound(shown.begin(), shown.end(), document,
                                      [](const ShownDocument& d, int32_t index) { return d.index < index; });
  return place != shown.end() && place->index == document ? &*place : nullptr;
}

}  // namespace stemma

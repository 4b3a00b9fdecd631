// A splitter written by hand beside the pattern that it stands for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "runtime/model/tokenizer/pre_tokenizers.h"
#include "runtime/model/tokenizer/quick_split.h"

namespace stemma {

// The word at which quick_split and the engine of regular expressions first differ; -1: nowhere.
inline ptrdiff_t quick_split_difference(std::string_view pattern, std::string_view text) {
  static std::map<std::string_view, PreTokenizer> slow;
  if (!slow.contains(pattern))
    slow.emplace(pattern, split_at_expression(std::string(pattern), Behavior::isolated, false, "pattern"));
  Pieces one(NormalText{text}, true), other = one;
  (*quick_split(pattern))(one);
  slow.at(pattern)(other);
  const auto [a, b] = std::mismatch(one.ranges.begin(), one.ranges.end(), other.ranges.begin(), other.ranges.end(),
                                    [](TextRange x, TextRange y) { return x.begin == y.begin && x.end == y.end; });
  return a == one.ranges.end() && b == other.ranges.end() ? -1 : a - one.ranges.begin();
}

}  // namespace stemma

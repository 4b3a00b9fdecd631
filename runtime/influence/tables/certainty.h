// Whether a row's ranking says little.
#pragma once

#include "runtime/influence/tables/table.h"

namespace stemma {

// The model was all but certain of what the row is about. Never so of a contrast, whose gradient is the difference of
// two: however likely the one text was, the other's is large.
inline bool all_but_certain(const InfluenceTable& table, int row) {
  const bool contrast = table.asked && !table.asked->against.empty();
  return !contrast && table.nats[static_cast<size_t>(row)] < certain_step_nats;
}

}  // namespace stemma

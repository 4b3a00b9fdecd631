// The loss curve as JSON: columns, short.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/train/train.h"

namespace stemma {

inline nlohmann::json curve_json(const std::vector<TrainPoint>& curve) {
  nlohmann::json rows = nlohmann::json::array();
  for (const TrainPoint& p : curve) rows.push_back({p.step, p.loss, p.rate, p.gradient_norm, p.seconds, p.tokens});
  return rows;
}

inline std::vector<TrainPoint> curve_from_json(const nlohmann::json& rows) {
  std::vector<TrainPoint> curve;
  for (const auto& row : rows)
    if (row.is_array() && row.size() == 6)
      curve.push_back({row[0].get<int64_t>(), row[1].get<double>(), row[2].get<double>(), row[3].get<double>(),
                       row[4].get<double>(), row[5].get<int64_t>()});
  return curve;
}

}  // namespace stemma

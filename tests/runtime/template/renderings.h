// One rendering held against what Jinja2 made of the same template.
#pragma once

#include <ctime>
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/error.h"
#include "runtime/template/template.h"

namespace stemma::test {

// 10 July 2025, noon, the clock of all recorded renderings.
inline Template::Time recorded_now() {
  std::tm noon{};
  noon.tm_year = 125;
  noon.tm_mon = 6;
  noon.tm_mday = 10;
  noon.tm_hour = 12;
  noon.tm_isdst = -1;
  return std::chrono::system_clock::from_time_t(std::mktime(&noon));
}

struct Outcome {
  bool failed = false;
  std::string text;  // the rendering, or the error's sentence
};

inline Outcome rendered(const std::string& text, const nlohmann::ordered_json& variables,
                        const TemplateLimits& limits = {}) {
  try {
    return {false, Template(text, "template").render(variables, limits, recorded_now())};
  } catch (const Error& error) {
    return {true, error.what()};
  }
}

// Counts "N of N" and tells of the first that differ.
class Tally {
 public:
  void hold(const std::string& name, const Outcome& found, bool error_due, const std::string& text_due) {
    ++total;
    if (found.failed == error_due && (error_due || found.text == text_due)) {
      ++right;
      return;
    }
    if (total - right > 40) return;
    qWarning("%s\n   due: %s\n found: %s%s", name.c_str(), error_due ? "an error" : text_due.c_str(),
             found.failed ? "(error) " : "", found.text.c_str());
  }
  int right = 0, total = 0;
};

}  // namespace stemma::test

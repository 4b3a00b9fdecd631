#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "viewer/activation_map.h"

namespace stemma {
namespace {

Rgba colour_of(double value, const ColourRange& range, bool diverging, bool dark) {
  if (std::isnan(value)) return unmeasured_colour(dark);
  if (diverging) return diverging_colour(value / range.high, dark);
  return sequential_colour((value - range.low) / (range.high - range.low));
}

}  // namespace

uint64_t next_stamp() {
  static std::atomic<uint64_t> stamp = 0;
  return ++stamp;
}

ColourRange colour_range(const ActivationMap& map) {
  std::vector<float> values;
  for (float v : map.values) {
    if (std::isfinite(v)) values.push_back(map.diverging ? std::abs(v) : v);
  }
  ColourRange range;
  if (values.empty()) return {map.diverging ? -1.0 : 0.0, 1, false};
  const auto at = [&values](size_t place) {  // were they sorted
    std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(place), values.end());
    return values[place];
  };
  const size_t outside = values.size() / 100;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const float lowest = *least, highest = *most;
  range.high = at(values.size() - 1 - outside);
  range.low = map.diverging ? -range.high : at(outside);
  range.cut = highest > range.high || (!map.diverging && lowest < range.low);
  if (range.high <= range.low) {  // one value everywhere
    const double wide = std::max(1e-6, std::abs(range.high) * 0.01);
    range.high += wide;
    range.low = map.diverging ? -range.high : range.low - wide;
  }
  return range;
}

Cells colour_cells(const ActivationMap& map, const ColourRange& range, bool dark, int pool) {
  Cells cells{(map.tokens + pool - 1) / pool, map.layers, {}, next_stamp()};
  cells.pixels.reserve(static_cast<size_t>(cells.columns) * map.layers);
  for (int layer = map.layers - 1; layer >= 0; --layer) {
    for (int first = 0; first < map.tokens; first += pool) {
      double sum = 0;
      int measured = 0;
      for (int token = first; token < std::min(first + pool, map.tokens); ++token) {
        const double value = map.value(layer, token);
        if (std::isnan(value)) continue;
        sum += value;
        ++measured;
      }
      cells.pixels.push_back(colour_of(measured ? sum / measured : std::nan(""), range, map.diverging, dark));
    }
  }
  return cells;
}

Cells ramp_cells(const ActivationMap& map, bool dark) {
  Cells cells{128, 1, {}, next_stamp()};
  for (int i = 0; i < 128; ++i) {
    const double t = i / 127.0;
    cells.pixels.push_back(map.diverging ? diverging_colour(2 * t - 1, dark) : sequential_colour(t));
  }
  return cells;
}

std::string written(double value) {
  if (std::isnan(value)) return "–";
  if (value == 0) return "0";
  const std::string sign = value < 0 ? "−" : "", digits = fmt::format("{:.2e}", std::abs(value));  // "1.04e+03"
  const size_t mark = digits.find('e');
  if (mark == std::string::npos) return sign + "∞";
  const int exponent = std::stoi(digits.substr(mark + 1));
  if (exponent < -4 || exponent > 5) {
    static constexpr const char* raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    std::string power = exponent < 0 ? "⁻" : "";
    for (const char c : std::to_string(std::abs(exponent))) power += raised[c - '0'];
    return sign + digits.substr(0, mark) + " × 10" + power;
  }
  std::string text = fmt::format("{:.{}f}", std::stod(digits), std::max(0, 2 - exponent));
  if (exponent >= 3) text.insert(text.size() - 3, ",");
  return sign + text;
}

std::string visible_token(const std::string& text) {
  std::string shown;
  for (char c : text) {
    if (c == ' ') shown += "·";
    else if (c == '\n') shown += "↵";
    else if (c == '\t') shown += "→";
    else if (static_cast<unsigned char>(c) >= 0x20) shown += c;
  }
  return shown;
}

}  // namespace stemma

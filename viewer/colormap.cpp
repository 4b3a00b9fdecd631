#include "viewer/colormap.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace stemma {
namespace {

uint8_t byte(double v) { return static_cast<uint8_t>(std::lround(std::clamp(v, 0.0, 255.0))); }

double linear(uint8_t channel) {
  const double v = channel / 255.0;
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}

// From zero to the pole.
using Arm = std::array<Rgba, 5>;
constexpr Arm light_blue{{{0xF7, 0xF7, 0xF7}, {0xD1, 0xE5, 0xF0}, {0x92, 0xC5, 0xDE}, {0x43, 0x93, 0xC3}, proponent_colour}};
constexpr Arm light_red{{{0xF7, 0xF7, 0xF7}, {0xFD, 0xDB, 0xC7}, {0xF4, 0xA5, 0x82}, {0xD6, 0x60, 0x4D}, opponent_colour}};
constexpr Arm dark_blue{{{0x2B, 0x2C, 0x2E}, {0x24, 0x40, 0x5C}, {0x2C, 0x68, 0xA0}, {0x4F, 0x9B, 0xD0}, {0xA6, 0xD2, 0xEC}}};
constexpr Arm dark_red{{{0x2B, 0x2C, 0x2E}, {0x5E, 0x2C, 0x2B}, {0xA3, 0x3C, 0x35}, {0xDB, 0x73, 0x58}, {0xF8, 0xB9, 0x9A}}};

Rgba along(const Arm& arm, double t) {
  const double place = std::clamp(t, 0.0, 1.0) * (arm.size() - 1);
  const auto i = std::min<size_t>(static_cast<size_t>(place), arm.size() - 2);
  return mix(arm[i], arm[i + 1], place - static_cast<double>(i));
}

}  // namespace

Rgba mix(Rgba from, Rgba to, double t) {
  auto channel = [t](uint8_t a, uint8_t b) { return byte(a + (b - a) * t); };
  return {channel(from.r, to.r), channel(from.g, to.g), channel(from.b, to.b), channel(from.a, to.a)};
}

Rgba sequential_colour(double t) {
  if (std::isnan(t)) return unmeasured_colour();
  t = std::clamp(t, 0.0, 1.0);
  return {byte(-4.54 - t * (35.34 - t * (2381.73 - t * (6402.7 - t * (7024.72 - t * 2710.57))))),
          byte(32.49 + t * (170.73 + t * (52.82 - t * (131.46 - t * (176.58 - t * 67.37))))),
          byte(81.24 + t * (442.36 - t * (2482.43 - t * (6167.24 - t * (6614.94 - t * 2475.67)))))};
}

Rgba diverging_colour(double t, bool dark) {
  if (std::isnan(t)) return unmeasured_colour(dark);
  return t >= 0 ? along(dark ? dark_blue : light_blue, t) : along(dark ? dark_red : light_red, -t);
}

Rgba unmeasured_colour(bool dark) { return dark ? Rgba{0x3A, 0x3B, 0x3D} : Rgba{0xE2, 0xE2, 0xE0}; }

Rgba tint(double t, bool dark) {
  const Rgba ground = dark ? Rgba{0x21, 0x23, 0x27} : Rgba{0xFF, 0xFF, 0xFF};
  if (std::isnan(t)) return ground;
  t = std::clamp(t, -1.0, 1.0);
  const double most = dark ? 0.66 : t >= 0 ? 0.5 : 0.44;  // as much as the contrast allows
  return mix(ground, t >= 0 ? proponent_colour : opponent_colour, std::abs(t) * most);
}

double luminance(Rgba c) { return 0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b); }

double contrast(Rgba a, Rgba b) {
  const double x = luminance(a), y = luminance(b);
  return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

}  // namespace stemma

// The colours that mean something, the same in canvases, text and figures. No GL here.
#pragma once

#include <cstdint>

namespace stemma {

struct Rgba {
  uint8_t r = 0, g = 0, b = 0, a = 255;
  bool operator==(const Rgba&) const = default;
};

inline constexpr Rgba proponent_colour{0x21, 0x66, 0xAC};  // made the step more likely
inline constexpr Rgba opponent_colour{0xB2, 0x18, 0x2B};   // made it less likely
inline constexpr Rgba accent_colour{0xB2, 0x6A, 0x06};     // what is selected

// Magnitude: cividis (Nunez, Anderton & Renslow 2018) by a polynomial of d3-scale-chromatic. t in 0..1, clamped.
Rgba sequential_colour(double t);
// Signed: -1 red, 0 the ground, +1 blue (ColorBrewer RdBu), clamped. `dark` puts a dark neutral at zero.
Rgba diverging_colour(double t, bool dark = false);
// Not measured (NaN): a grey that is in neither map.
Rgba unmeasured_colour(bool dark = false);
// A tint behind letters, -1..1: black text (white where dark) keeps a contrast of at least 7:1 on it.
Rgba tint(double t, bool dark = false);

Rgba mix(Rgba from, Rgba to, double t);
// WCAG 2: relative luminance 0..1, contrast 1..21.
double luminance(Rgba colour);
double contrast(Rgba a, Rgba b);

}  // namespace stemma

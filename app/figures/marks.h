// How each mark of a figure is drawn, from the pen's height downwards.
#pragma once

#include "app/figures/figure.h"
#include "viewer/canvas.h"

namespace stemma {

// Ink for paper. Nothing is smaller than 6.5 points; every pair of ink and paper has a contrast of 5:1 or more.
namespace figure_style {
inline constexpr double margin = 12;
inline constexpr TextStyle title{11, true}, heading{9, true}, reading{9.5, false}, body{8.5, false}, small{7.5, false}, tiny{6.5, false};
inline constexpr Rgba paper{0xFF, 0xFF, 0xFF}, ink{0x1A, 0x1A, 0x1A}, quiet{0x5C, 0x5C, 0x58}, rule{0xB4, 0xB4, 0xB0};
}  // namespace figure_style

struct MarkPen {
  Canvas& canvas;
  double x, width;  // the column
  double y;         // where the next mark begins; each mark moves it to its own end

  // Broken to the column; `leading` points from line to line.
  void paragraph(const std::string& text, TextStyle style, Rgba colour, double leading);
};

void draw_mark(MarkPen& pen, const Paragraph& mark);
void draw_mark(MarkPen& pen, const Heading& mark);
void draw_mark(MarkPen& pen, const ShadedText& mark);
void draw_mark(MarkPen& pen, const SignedBars& mark);
void draw_mark(MarkPen& pen, const ColumnBars& mark);
void draw_mark(MarkPen& pen, const HeatMap& mark);

// A strip of colour with its quantity, ends and unit. `tinted`: the pale colours that stand behind letters.
void draw_legend(MarkPen& pen, const ColourScale& scale, bool tinted, const std::string& note);

}  // namespace stemma

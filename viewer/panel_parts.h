// What the panels of the viewer share: inks, type, frames, the sentence where there is nothing, the words at the pointer.
#pragma once

#include <string>

#include "viewer/canvas.h"
#include "viewer/input.h"

namespace stemma {

inline constexpr TextStyle title_style{13, true}, text_style{13, false}, small_style{11, false};

inline constexpr double panel_header = 34, panel_status = 24,
                        panel_margin = 12;  // the strips above and below, and at the side

struct Ink {
  Rgba ground, text, quiet, rule, panel, accent;
};
Ink ink(bool dark);

void frame_of(Canvas& canvas, const Box& box, double width, Rgba colour);  // around the box
// 1, 2, 5, 10, ... : the smallest that keeps marks `least` apart.
int round_step(double per_unit, double least);
void draw_message(Canvas& canvas, const Input& input, const std::string& message, bool dark);  // in the middle
void draw_tip(Canvas& canvas, const Input& input, const std::string& words, bool dark);        // beside the pointer

}  // namespace stemma

#include "viewer/panel_parts.h"

#include <algorithm>

namespace stemma {

Ink ink(bool dark) {
  return dark ? Ink{{0x17, 0x18, 0x1A},       {0xEC, 0xEA, 0xE5}, {0x9A, 0x97, 0x8F},
                    {0xFF, 0xFF, 0xFF, 0x50}, {0x21, 0x23, 0x27}, {0xE0, 0xA0, 0x44}}
              : Ink{{0xF7, 0xF5, 0xF0},       {0x1B, 0x1A, 0x18}, {0x6B, 0x67, 0x5F},
                    {0x00, 0x00, 0x00, 0x48}, {0xFF, 0xFF, 0xFF}, accent_colour};
}

void frame_of(Canvas& canvas, const Box& b, double width, Rgba colour) {
  canvas.fill({b.x - width, b.y - width, b.width + 2 * width, width}, colour);
  canvas.fill({b.x - width, b.bottom(), b.width + 2 * width, width}, colour);
  canvas.fill({b.x - width, b.y, width, b.height}, colour);
  canvas.fill({b.right(), b.y, width, b.height}, colour);
}

int round_step(double per_unit, double least) {
  for (int step = 1;; step *= 10) {
    for (int times : {1, 2, 5}) {
      if (per_unit * step * times >= least || step >= 100000000) return step * times;
    }
  }
}

void draw_message(Canvas& canvas, const Input& input, const std::string& message, bool dark) {
  const auto lines = break_lines(canvas, message, text_style, std::min(520.0, input.width - 24));
  double baseline = input.height / 2 - 10.0 * (static_cast<double>(lines.size()) - 1) + 4;
  for (const TextLine& line : lines) {
    const std::string_view words = std::string_view(message).substr(line.begin, line.end - line.begin);
    canvas.text((input.width - canvas.text_width(words, text_style)) / 2, baseline, words, text_style, ink(dark).quiet);
    baseline += 20;
  }
}

void draw_tip(Canvas& canvas, const Input& input, const std::string& words, bool dark) {
  const Ink colours = ink(dark);
  const std::string text = elide(canvas, words, text_style, input.width - 24);
  const double width = canvas.text_width(text, text_style) + 16;
  Box box{std::clamp(input.mouse_x + 14, 2.0, std::max(2.0, input.width - width - 4)), input.mouse_y + 18, width, 24};
  if (box.bottom() > input.height - 2) box.y = input.mouse_y - 32;
  canvas.fill(box, colours.panel);
  frame_of(canvas, box, 1, colours.rule);
  canvas.text(box.x + 8, box.y + 16, text, text_style, colours.text);
}

}  // namespace stemma

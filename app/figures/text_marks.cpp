#include <algorithm>
#include <cmath>

#include "app/figures/marks.h"
#include "app/numbers.h"

namespace stemma {

using namespace figure_style;

namespace {

constexpr double line_height = 15, baseline_in_line = 10.8;

double part_of(const ColourScale& scale, double value) {
  if (scale.diverging) return value / scale.high;
  return (value - scale.low) / (scale.high - scale.low);
}

// Tints and, for those who print in grey, a rule under what stands out: whole for positive, broken for negative.
void shade(Canvas& canvas, const ShadedText& mark, const TextLine& line, double x, double y) {
  const std::string_view text(mark.text);
  double from = x;
  const auto first = std::upper_bound(mark.offsets.begin(), mark.offsets.end(), line.begin);
  for (auto i = static_cast<size_t>(std::max<std::ptrdiff_t>(0, first - mark.offsets.begin() - 1)); i < mark.values.size(); ++i) {
    const size_t begin = std::max<size_t>(mark.offsets[i], line.begin), end = std::min<size_t>(mark.offsets[i + 1], line.end);
    if (mark.offsets[i] >= line.end) break;
    if (begin >= end) continue;
    const double to = from + canvas.text_width(text.substr(begin, end - begin), reading);
    const double part = part_of(mark.scale, mark.values[i]);
    if (std::isfinite(part) && std::abs(part) > 0.02) canvas.fill({from, y + 1.4, to - from, line_height - 3}, tint(part));
    if (mark.scale.diverging && std::abs(part) > 0.25) {
      canvas.line(from, y + line_height - 1.6, to, y + line_height - 1.6, 0.9, part > 0 ? proponent_colour : opponent_colour, part < 0);
    }
    from = to;
  }
}

}  // namespace

void MarkPen::paragraph(const std::string& text, TextStyle style, Rgba colour, double leading) {
  for (const TextLine& line : break_lines(canvas, text, style, width)) {
    canvas.text(x, y + leading * 0.5 + style.size * 0.36, std::string_view(text).substr(line.begin, line.end - line.begin), style, colour);
    y += leading;
  }
}

void draw_mark(MarkPen& pen, const Paragraph& mark) {
  pen.paragraph(mark.text, mark.quiet ? small : reading, mark.quiet ? quiet : ink, mark.quiet ? 11 : 14);
}

void draw_mark(MarkPen& pen, const Heading& mark) {
  pen.y += 2;
  pen.paragraph(mark.text, heading, ink, 13);
  pen.y -= 5;  // it belongs to what follows
}

void draw_mark(MarkPen& pen, const ShadedText& mark) {
  for (const TextLine& line : break_lines(pen.canvas, mark.text, reading, pen.width)) {
    shade(pen.canvas, mark, line, pen.x, pen.y);
    pen.canvas.text(pen.x, pen.y + baseline_in_line, std::string_view(mark.text).substr(line.begin, line.end - line.begin), reading, ink);
    pen.y += line_height;
  }
  pen.y += 5;
  draw_legend(pen, mark.scale, true,
              mark.scale.diverging ? "Blue made the step more likely, red less likely. Underlined: beyond a quarter of the range, broken where negative." : "");
}

void draw_legend(MarkPen& pen, const ColourScale& scale, bool tinted, const std::string& note) {
  constexpr double strip = 110;
  const Scale digits = scale_for(std::max(std::abs(scale.low), std::abs(scale.high)));
  const std::string unit = digits.unit(QString::fromStdString(scale.unit)).trimmed().toStdString();
  const std::string low = digits.text(scale.low, scale.diverging).toStdString();
  const std::string high = digits.text(scale.high, scale.diverging).toStdString();
  const double baseline = pen.y + 8.5;
  double x = pen.x;
  auto word = [&](const std::string& text, Rgba colour) {
    pen.canvas.text(x, baseline, text, small, colour);
    x += pen.canvas.text_width(text, small) + 5;
  };
  word(scale.quantity + (unit.empty() ? "" : ", " + unit), ink);
  x += 6;
  word(low, quiet);
  constexpr int parts = 110;
  for (int i = 0; i < parts; ++i) {
    const double t = i / (parts - 1.0), both = 2 * t - 1;
    const Rgba colour = tinted ? tint(scale.diverging ? both : t) : scale.diverging ? diverging_colour(both) : sequential_colour(t);
    pen.canvas.fill({x + strip * i / parts, pen.y + 1.5, strip / parts + (i + 1 < parts ? 0.3 : 0), 8}, colour);
  }
  pen.canvas.line(x, pen.y + 9.8, x + strip, pen.y + 9.8, 0.5, rule);
  if (scale.diverging) pen.canvas.line(x + strip / 2, pen.y + 0.5, x + strip / 2, pen.y + 10.5, 0.5, quiet);
  x += strip + 5;
  word(high, quiet);
  pen.y += 12;
  if (!note.empty()) pen.paragraph(note, small, quiet, 10.5);
}

}  // namespace stemma

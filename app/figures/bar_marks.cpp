#include <algorithm>
#include <cmath>

#include "app/figures/marks.h"
#include "app/numbers.h"

namespace stemma {

using namespace figure_style;

namespace {

Rgba pole(double value) { return value >= 0 ? proponent_colour : opponent_colour; }

// At most `most` lines of the text, the last one elided.
void few_lines(MarkPen& pen, const std::string& text, TextStyle style, double width, size_t most, double leading) {
  const auto lines = break_lines(pen.canvas, text, style, width);
  for (size_t i = 0; i < std::min(most, lines.size()); ++i) {
    std::string line = text.substr(lines[i].begin, lines[i].end - lines[i].begin);
    if (i + 1 == most && lines.size() > most) line = elide(pen.canvas, line + " " + text.substr(lines[i].end, 40), style, width);
    pen.canvas.text(pen.x, pen.y + leading * 0.5 + style.size * 0.36, line, style, quiet);
    pen.y += leading;
  }
}

}  // namespace

void draw_mark(MarkPen& pen, const SignedBars& mark) {
  const double words = pen.width * 0.62, bars = pen.x + words + 14, half = (pen.width - words - 14) / 2;
  const double longest = half - 34;  // room for the number beyond the bar
  const double middle = bars + half;
  const Scale digits = scale_for(mark.limit);
  const std::string unit = digits.unit(QString::fromStdString(mark.unit)).trimmed().toStdString();
  const std::string name = mark.quantity + (unit.empty() ? "" : ", " + unit);
  pen.canvas.text(middle - pen.canvas.text_width(name, small) / 2, pen.y + 7, name, small, quiet);
  pen.y += 11;
  const double top = pen.y;
  for (const auto& row : mark.rows) {
    const double begin = pen.y;
    pen.canvas.text(pen.x, pen.y + 9, elide(pen.canvas, row.label, body, words), body, ink);
    pen.y += 12;
    few_lines(pen, row.detail, small, words, 2, 10.5);
    const double length = mark.limit > 0 ? std::min(1.0, std::abs(row.value) / mark.limit) * longest : 0;
    pen.canvas.fill({row.value >= 0 ? middle : middle - length, begin + 2.5, length, 8}, pole(row.value));
    const std::string number = digits.text(row.value, true).toStdString();
    const double width = pen.canvas.text_width(number, small);
    pen.canvas.text(row.value >= 0 ? middle + length + 3 : middle - length - 3 - width, begin + 9.2, number, small, ink);
    pen.y += 5;
  }
  pen.canvas.line(middle, top, middle, pen.y - 4, 0.6, ink);
}

void draw_mark(MarkPen& pen, const ColumnBars& mark) {
  double most = 0, least = 0;
  for (double v : mark.values) {
    if (!std::isfinite(v)) continue;
    most = std::max(most, v);
    least = std::min(least, v);
  }
  const Scale digits = scale_for(std::max(most, -least));
  const std::string unit = digits.unit(QString::fromStdString(mark.unit)).trimmed().toStdString();
  pen.canvas.text(pen.x, pen.y + 8, mark.quantity + (unit.empty() ? "" : ", " + unit), small, ink);
  pen.y += 14;
  const auto count = static_cast<double>(mark.values.size());
  if (count == 0) return;
  const double column = std::min(48.0, pen.width / count), bar = column * 0.56;
  const bool numbers = column >= 30;
  constexpr double height = 56;
  const double range = most - least > 0 ? most - least : 1, per = height / range;
  const double up = numbers && most > 0 ? 10 : 2, down = numbers && least < 0 ? 10 : 2;
  const double zero = pen.y + up + most * per;
  for (size_t i = 0; i < mark.values.size(); ++i) {
    const double v = mark.values[i], x = pen.x + column * (static_cast<double>(i) + 0.5);
    if (std::isfinite(v)) pen.canvas.fill({x - bar / 2, v >= 0 ? zero - v * per : zero, bar, std::abs(v) * per}, pole(v));
    if (!numbers) continue;
    const std::string number = digits.text(v, true).toStdString();
    pen.canvas.text(x - pen.canvas.text_width(number, tiny) / 2, v >= 0 ? zero - v * per - 2.5 : zero - v * per + 7.5, number, tiny, ink);
  }
  pen.canvas.line(pen.x, zero, pen.x + column * count, zero, 0.6, ink);
  pen.y += up + height + down + 9;
  const auto every = static_cast<size_t>(std::max(1.0, std::ceil(16 / column)));
  for (size_t i = 0; i < mark.labels.size() && i < mark.values.size(); i += every) {
    const double x = pen.x + column * (static_cast<double>(i) + 0.5);
    pen.canvas.text(x - pen.canvas.text_width(mark.labels[i], small) / 2, pen.y, mark.labels[i], small, quiet);
  }
  pen.canvas.text(pen.x + column * count + 6, pen.y, mark.axis, small, quiet);
  pen.y += 4;
}

}  // namespace stemma

#include <algorithm>
#include <cmath>

#include "app/figures/marks.h"
#include "viewer/activation_map.h"

namespace stemma {

using namespace figure_style;

namespace {

constexpr double axis = 26, worded_column = 17;
constexpr int most_bands = 12;

Rgba colour_of(const ColourScale& scale, float value) {
  if (std::isnan(value)) return unmeasured_colour();
  if (scale.diverging) return diverging_colour(value / scale.high);
  return sequential_colour((value - scale.low) / (scale.high - scale.low));
}

Cells coloured(const HeatMap& mark) {
  Cells cells{mark.columns, mark.rows, {}, 1};
  for (int row = mark.rows - 1; row >= 0; --row) {
    for (int column = 0; column < mark.columns; ++column) {
      cells.pixels.push_back(colour_of(mark.scale, mark.values[static_cast<size_t>(row) * mark.columns + column]));
    }
  }
  return cells;
}

struct Band {
  int first = 0, columns = 0;
  double column = 0, row = 0;
  bool worded = false;
};

void draw_band(MarkPen& pen, const HeatMap& mark, const Cells& cells, const Band& band) {
  const double left = pen.x + axis, top = pen.y + 11, height = band.row * mark.rows;
  const Box box{left, top, band.column * band.columns, height};
  pen.canvas.cells(box, cells, {static_cast<double>(band.first), 0, static_cast<double>(band.columns), static_cast<double>(mark.rows)});
  if (mark.scale.diverging && band.column >= 6 && band.row >= 5) {  // the sign, for those who print in grey
    for (int row = 0; row < mark.rows; ++row) {
      for (int c = 0; c < band.columns; ++c) {
        const double part = mark.values[static_cast<size_t>(row) * mark.columns + band.first + c] / mark.scale.high;
        if (!(part < -0.1)) continue;
        const double x = left + (c + 0.5) * band.column, y = top + height - (row + 0.5) * band.row;
        pen.canvas.line(x - 1.6, y, x + 1.6, y, 0.8, part < -0.6 ? paper : ink);
      }
    }
  }
  double free_from = left;
  for (size_t i = 0; i < mark.column_lines.size(); ++i) {
    const int at = mark.column_lines[i] - band.first;
    if (at < 0 || at >= band.columns) continue;
    const double x = left + at * band.column;
    if (i > 0) pen.canvas.line(x, top - 3, x, box.bottom() + 2, 0.8, ink);
    const std::string name = "step " + std::to_string(i);
    if (x < free_from) continue;
    pen.canvas.text(x + 1, top - 3.5, name, tiny, quiet);
    free_from = x + pen.canvas.text_width(name, tiny) + 6;
  }
  const int every = static_cast<int>(std::max(1.0, std::ceil(8 / band.row)));
  for (int row = 0; row < mark.rows; row += every) {
    const std::string& name = mark.row_labels[row];
    pen.canvas.text(left - 4 - pen.canvas.text_width(name, tiny), top + height - (row + 0.5) * band.row + 2.4, name, tiny, quiet);
  }
  const int step = band.worded ? 1 : std::max(1, static_cast<int>(std::ceil(26 / band.column / 10)) * 10);
  for (int c = 0; c < band.columns; ++c) {
    const int column = band.first + c;
    if (column % step != 0) continue;
    const std::string name = band.worded ? elide(pen.canvas, visible_token(mark.column_labels[column]), tiny, band.column - 0.5) : std::to_string(column);
    const double x = left + (c + 0.5) * band.column - pen.canvas.text_width(name, tiny) / 2;
    pen.canvas.text(x, box.bottom() + 7.5, name, tiny, band.worded ? ink : quiet);
  }
  pen.y = box.bottom() + 12;
}

}  // namespace

// Words under the columns are worth more than one unbroken strip: a map is broken into bands, as text into lines, until
// that would be too many bands; then it is one strip with numbers.
void draw_mark(MarkPen& pen, const HeatMap& mark) {
  draw_legend(pen, mark.scale, false, "");
  std::string note = mark.row_axis + " upwards, " + mark.column_axis + " to the right";
  if (mark.scale.diverging) note += "; a dash: negative";
  if (std::any_of(mark.values.begin(), mark.values.end(), [](float v) { return std::isnan(v); })) note += "; grey: not measured";
  pen.paragraph(note, small, quiet, 11);
  pen.y += 4;
  if (mark.rows == 0 || mark.columns == 0) return;
  const double room = pen.width - axis;
  const int worded_columns = static_cast<int>(room / worded_column);
  const int bands_needed = (mark.columns + worded_columns - 1) / worded_columns;
  const bool worded = bands_needed <= most_bands && static_cast<int>(mark.column_labels.size()) == mark.columns;
  const int per_band = worded ? std::min(mark.columns, (mark.columns + bands_needed - 1) / bands_needed) : std::min(mark.columns, 600);
  Band band;
  band.worded = worded;
  band.column = std::min(worded ? 30.0 : 12.0, room / per_band);
  band.row = std::clamp((bands_needed > 1 && worded ? 90.0 : 200.0) / mark.rows, 3.0, 12.0);
  if (mark.square) band.row = band.column;
  const Cells cells = coloured(mark);
  for (band.first = 0; band.first < mark.columns; band.first += per_band) {
    band.columns = std::min(per_band, mark.columns - band.first);
    draw_band(pen, mark, cells, band);
  }
}

}  // namespace stemma

#include "viewer/attended_list.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "viewer/activation_map.h"
#include "viewer/panel_parts.h"

namespace stemma {
namespace {

constexpr double line = 20;

}  // namespace

std::string percent(double share) { return std::isnan(share) ? "–" : written(100 * share) + " %"; }

void AttendedList::show(std::string title, std::vector<Attended> rows) {
  title_ = std::move(title);
  rows_ = std::move(rows);
}

std::optional<int> AttendedList::row_at(double x, double y) const {
  if (!box_.holds(x, y) || y < box_.y + line) return std::nullopt;
  const auto row = static_cast<size_t>((y - box_.y - line) / line);
  return row < rows_.size() ? std::optional(rows_[row].place) : std::nullopt;
}

void AttendedList::draw(Canvas& canvas, const Input& input, const Box& box, bool dark) {
  box_ = box;
  if (box.width < 160) return;
  const Ink colours = ink(dark);
  canvas.text(box.x, box.y + 12, elide(canvas, title_, text_style, box.width), text_style,
              rows_.empty() ? colours.quiet : colours.text);
  constexpr double bar = 90, number = 52, share = 64;
  const double largest = rows_.empty() ? 1 : std::max(1e-9, rows_.front().share);
  for (size_t rank = 0; rank < rows_.size(); ++rank) {
    const Attended& row = rows_[rank];
    const double top = box.y + line * static_cast<double>(rank + 1), baseline = top + 14;
    if (top + line > box.bottom()) break;
    const bool under =
        input.inside && !input.down && Box{box.x, top, box.width, line}.holds(input.mouse_x, input.mouse_y);
    if (under) canvas.fill({box.x - 6, top, box.width + 6, line}, colours.panel);
    const std::string written_share = percent(row.share);
    canvas.text(box.x + number - 14 - canvas.text_width(row.name, small_style), baseline, row.name, small_style,
                colours.quiet);
    canvas.fill({box.x + number, top + 8, bar, 5}, colours.rule);
    canvas.fill({box.x + number, top + 8, std::max(1.0, bar * row.share / largest), 5}, colours.accent);
    canvas.text(box.x + number + bar + share - 8 - canvas.text_width(written_share, small_style), baseline,
                written_share, small_style, colours.text);
    const double words = box.x + number + bar + share;
    canvas.text(words, baseline, elide(canvas, row.text, small_style, box.right() - words), small_style, colours.quiet);
  }
}

}  // namespace stemma

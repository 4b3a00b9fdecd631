#include "app/figures/layout.h"

#include "app/figures/marks.h"

namespace stemma {

double draw_figure(Canvas& canvas, const Figure& figure) {
  using namespace figure_style;
  MarkPen pen{canvas, margin, figure.width - 2 * margin, margin};
  pen.paragraph(figure.title, title, ink, 15);
  if (!figure.caption.empty()) {
    pen.y += 2;
    pen.paragraph(figure.caption, body, quiet, 12.5);
  }
  for (const Mark& mark : figure.body) {
    pen.y += 9;
    std::visit([&pen](const auto& m) { draw_mark(pen, m); }, mark);
  }
  if (!figure.provenance.empty()) {
    pen.y += 10;
    canvas.line(margin, pen.y, figure.width - margin, pen.y, 0.5, rule);
    pen.y += 4;
    std::string line;
    for (const auto& [key, value] : figure.provenance) line += (line.empty() ? "" : "  ·  ") + key + ": " + value;
    pen.paragraph(line, tiny, quiet, 8.5);
  }
  return pen.y + margin;
}

}  // namespace stemma

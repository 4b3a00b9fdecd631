// How the trace is drawn: its paragraphs, and the gutter beside them.
#include <QPainter>
#include <QScrollBar>
#include <algorithm>

#include "app/fonts.h"
#include "app/panels/panel_parts.h"
#include "app/panels/trace/step_marks.h"
#include "app/panels/trace/trace_view.h"
#include "app/theme.h"

namespace stemma {

void TraceView::paintEvent(QPaintEvent* event) {
  QPainter painter(viewport());
  painter.fillRect(event->rect(), theme().ground);
  const double shift = verticalScrollBar()->value();
  for (int i = std::max(0, layout_.at(shift)); i < layout_.count(); ++i) {
    const Block& block = layout_.block(i);
    if (block.top > shift + viewport()->height()) break;
    paint_block(painter, block, block.top - shift);
  }
}

void TraceView::paint_block(QPainter& painter, const Block& block, double y) const {
  const Theme& colours = theme();
  const bool current = block.step >= 0 && block.step == document_->cursor().step;
  const double left = text_left();
  if (block.captioned) {
    painter.setFont(small_font());
    painter.setPen(colours.quiet);
    painter.drawText(QRectF(left, y, text_width(), TraceLayout::caption - 4), Qt::AlignLeft | Qt::AlignBottom,
                     title_of(block.kind));
    y += TraceLayout::caption;
  }
  const double height = block.height - (block.captioned ? TraceLayout::caption : 0);
  if (current) {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(colours.paper);
    painter.drawRoundedRect(QRectF(left - side + 4, y, text_width() + 2 * side - 8, height), 4, 4);
    painter.setBrush(colours.accent);
    painter.drawRoundedRect(QRectF(left - side + 4, y, 3, height), 1.5, 1.5);
    painter.restore();
  }
  const QColor ground = current ? colours.paper : colours.ground;
  TokenParagraph::Look look;
  look.ink = current || block.kind == StepKind::answer ? colours.text : colours.secondary;
  if (shading_.shade != Shade::nothing) {
    look.ink = colours.text;
    look.tint = [this, ground](int token) {
      const QColor tint = shading_.tint(token, ground);
      return tint == ground ? QColor() : tint;
    };
  }
  look.chosen = {document_->chosen().begin, document_->chosen().end};
  look.chosen_colour = colours.accent_soft;
  look.outlined = current ? document_->cursor().token : -1;
  look.outline = colours.accent;
  if (found_block_ >= 0 && &layout_.block(found_block_) == &block) {
    look.found = {found_at_, found_at_ + static_cast<int>(sought_.size())};
    look.found_colour = colours.accent_soft;
  }
  if (layout_.folded(block.step)) look.most_lines = 1;
  block.paragraph.paint(painter, {left, y + TraceLayout::pad}, look);
  if (layout_.folded(block.step) && block.paragraph.lines() > 1) {
    painter.setFont(small_font());
    painter.setPen(colours.quiet);
    painter.drawText(QRectF(left, y, text_width() + side - 10, height), Qt::AlignRight | Qt::AlignVCenter,
                     tr("… %1 more lines").arg(block.paragraph.lines() - 1));
  }
  paint_gutter(painter, block, y);
}

void TraceView::paint_gutter(QPainter& painter, const Block& block, double y) const {
  if (block.step < 0) return;
  const Theme& colours = theme();
  const bool current = block.step == document_->cursor().step;
  const double right = text_left() - side - 8, middle = y + TraceLayout::pad + TraceLayout::line_height() / 2;
  QFont font = number_font();
  font.setPixelSize(11);
  font.setBold(current);
  painter.setFont(font);
  painter.setPen(current ? colours.text : colours.quiet);
  painter.drawText(QRectF(right - 60, middle - 10, 46, 20), Qt::AlignRight | Qt::AlignVCenter,
                   QString::number(block.step));
  const Trace* trace = document_->trace();
  if (trace && block.step < static_cast<int>(trace->steps.size())) {
    draw_step_mark(painter, {right - 5, middle}, trace->steps[block.step]);
  }
  const InfluenceTable* table = document_->table();
  const int row = table ? row_of_step(*table, block.step) : -1;
  if (row < 0) return;
  const auto& magnitudes = document_->magnitudes();
  const double largest = *std::max_element(magnitudes.begin(), magnitudes.end());
  if (!(largest > 0)) return;
  const double full = 34, length = std::max(1.0, full * magnitudes[row] / largest);
  painter.fillRect(QRectF(right - full, middle + 9, full, 3), colours.line);
  painter.fillRect(QRectF(right - full, middle + 9, length, 3), current ? colours.accent : colours.quiet);
}

}  // namespace stemma

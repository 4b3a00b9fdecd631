#include "app/screen_canvas.h"

#include <QFontMetricsF>
#include <cmath>

namespace stemma {
namespace {
QColor colour_of(Rgba c) { return QColor(c.r, c.g, c.b, c.a); }
QString words(std::string_view text) { return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size())); }
}  // namespace

ScreenCanvas::~ScreenCanvas() { images_.swap(used_); }

QFont ScreenCanvas::font(TextStyle style) {
  QFont font("DejaVu Sans");
  font.setPixelSize(static_cast<int>(std::lround(style.size)));
  font.setBold(style.bold);
  return font;
}

double ScreenCanvas::text_width(std::string_view text, TextStyle style) {
  return QFontMetricsF(font(style)).horizontalAdvance(words(text));
}

void ScreenCanvas::fill(const Box& box, Rgba colour) {
  painter_.fillRect(QRectF(box.x, box.y, box.width, box.height), colour_of(colour));
}

void ScreenCanvas::line(double x0, double y0, double x1, double y1, double width, Rgba colour, bool dashed) {
  QPen pen(colour_of(colour), width, dashed ? Qt::DashLine : Qt::SolidLine, Qt::FlatCap);
  painter_.setPen(pen);
  painter_.drawLine(QPointF(x0, y0), QPointF(x1, y1));
}

void ScreenCanvas::text(double x, double baseline, std::string_view text, TextStyle style, Rgba colour) {
  painter_.setFont(font(style));
  painter_.setPen(colour_of(colour));
  painter_.drawText(QPointF(std::round(x), std::round(baseline)), words(text));
}

void ScreenCanvas::cells(const Box& box, const Cells& cells, const Box& part) {
  QImage& image = used_[cells.stamp];
  if (image.isNull()) {
    const auto kept = images_.find(cells.stamp);
    if (kept != images_.end()) {
      image = kept->second;
    } else {
      image = QImage(cells.columns, cells.rows, QImage::Format_RGB32);
      for (int y = 0; y < cells.rows; ++y) {
        auto* line = reinterpret_cast<QRgb*>(image.scanLine(y));
        for (int x = 0; x < cells.columns; ++x) {
          const Rgba c = cells.pixels[static_cast<size_t>(y) * cells.columns + x];
          line[x] = qRgb(c.r, c.g, c.b);
        }
      }
    }
  }
  painter_.setBrush(Qt::white);
  painter_.drawImage(QRectF(box.x, box.y, box.width, box.height), image,
                     QRectF(part.x, part.y, part.width, part.height));
}

}  // namespace stemma

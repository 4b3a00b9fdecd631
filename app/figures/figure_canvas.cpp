#include "app/figures/figure_canvas.h"

#include <fmt/format.h>

#include <QBuffer>
#include <QFontMetricsF>
#include <QImage>
#include <algorithm>
#include <cmath>

namespace stemma {
namespace {

constexpr double font_units = 10;  // per point: whole font pixels are tenths of a point

QString words(std::string_view text) { return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size())); }

// Shaping would join "ff" into one glyph that searches and copies as one letter; scripts that need shaping keep it.
QFont face_for(TextStyle style, const QString& text) {
  QFont font = figure_font(style);
  const bool plain = std::all_of(text.begin(), text.end(), [](QChar c) { return c.unicode() < 0x0590 || (c.unicode() >= 0x2000 && c.unicode() < 0x2E80); });
  if (plain) font.setStyleStrategy(QFont::PreferNoShaping);
  return font;
}

QColor colour_of(Rgba c) { return QColor(c.r, c.g, c.b, c.a); }

std::string paint_of(Rgba c, const char* attribute) {
  std::string text = fmt::format("{}=\"#{:02x}{:02x}{:02x}\"", attribute, c.r, c.g, c.b);
  if (c.a != 255) text += fmt::format(" {}-opacity=\"{:.3g}\"", attribute, c.a / 255.0);
  return text;
}

std::string number(double v) {
  std::string text = fmt::format("{:.2f}", v);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

}  // namespace

QFont figure_font(TextStyle style) {
  QFont font;
  font.setFamilies({"DejaVu Sans", "Bitstream Vera Sans", "Verdana", "sans-serif"});
  font.setPixelSize(std::max(1, static_cast<int>(std::lround(style.size * font_units))));
  font.setBold(style.bold);
  font.setKerning(false);  // so that widths add up, token by token
  font.setHintingPreference(QFont::PreferNoHinting);
  return font;
}

double MeasuringCanvas::text_width(std::string_view text, TextStyle style) {
  const QString string = words(text);
  return QFontMetricsF(face_for(style, string)).horizontalAdvance(string) / font_units;
}

void PainterCanvas::fill(const Box& box, Rgba colour) {
  painter_.fillRect(QRectF(box.x, box.y, box.width, box.height), colour_of(colour));
}

void PainterCanvas::line(double x0, double y0, double x1, double y1, double width, Rgba colour, bool dashed) {
  QPen pen(colour_of(colour), width);
  pen.setCapStyle(Qt::FlatCap);
  if (dashed) pen.setDashPattern({1.6 / width, 1.2 / width});
  painter_.setPen(pen);
  painter_.drawLine(QPointF(x0, y0), QPointF(x1, y1));
}

void PainterCanvas::text(double x, double baseline, std::string_view text, TextStyle style, Rgba colour) {
  const QString string = words(text);
  painter_.save();
  painter_.setFont(face_for(style, string));
  painter_.setPen(colour_of(colour));
  painter_.translate(x, baseline);
  painter_.scale(1 / font_units, 1 / font_units);
  painter_.drawText(QPointF(0, 0), string);
  painter_.restore();
}

void PainterCanvas::cells(const Box& box, const Cells& cells, const Box& part) {
  painter_.setBrush(Qt::white);  // a translucent brush before an image would wash it out in a PDF
  painter_.drawImage(QRectF(box.x, box.y, box.width, box.height), cells_image(cells, part, 1200));
}

QImage cells_image(const Cells& cells, const Box& part, int least_width) {
  const int x0 = static_cast<int>(part.x), y0 = static_cast<int>(part.y);
  const int columns = std::min(static_cast<int>(part.width), cells.columns - x0), rows = std::min(static_cast<int>(part.height), cells.rows - y0);
  const int side = std::clamp(least_width / std::max(1, columns), 1, 40);
  QImage image(columns * side, rows * side, QImage::Format_RGB32);
  for (int y = 0; y < image.height(); ++y) {
    auto* line = reinterpret_cast<QRgb*>(image.scanLine(y));
    for (int x = 0; x < image.width(); ++x) {
      const Rgba c = cells.pixels[static_cast<size_t>(y0 + y / side) * cells.columns + x0 + x / side];
      line[x] = qRgb(c.r, c.g, c.b);
    }
  }
  return image;
}

std::string xml_escaped(std::string_view text) {
  QString safe;
  for (const QChar c : words(text)) {
    const ushort u = c.unicode();
    if (u == '\n' || u == '\t') safe += c;
    else if (u < 0x20 || u == 0xFFFE || u == 0xFFFF) safe += QChar(0xFFFD);  // XML forbids them
    else safe += c;
  }
  return safe.toHtmlEscaped().toStdString();
}

void SvgCanvas::fill(const Box& box, Rgba colour) {
  elements_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {}/>\n", number(box.x), number(box.y), number(box.width),
                           number(box.height), paint_of(colour, "fill"));
}

void SvgCanvas::line(double x0, double y0, double x1, double y1, double width, Rgba colour, bool dashed) {
  elements_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke-width=\"{}\" {}{}/>\n", number(x0), number(y0), number(x1),
                           number(y1), number(width), paint_of(colour, "stroke"), dashed ? " stroke-dasharray=\"1.6 1.2\"" : "");
}

void SvgCanvas::text(double x, double baseline, std::string_view text, TextStyle style, Rgba colour) {
  const double width = text_width(text, style);
  if (width <= 0) return;
  elements_ += fmt::format("<text x=\"{}\" y=\"{}\" font-size=\"{}\"{} textLength=\"{}\" {} xml:space=\"preserve\">{}</text>\n", number(x),
                           number(baseline), number(style.size), style.bold ? " font-weight=\"bold\"" : "", number(width),
                           paint_of(colour, "fill"), xml_escaped(text));
}

void SvgCanvas::cells(const Box& box, const Cells& cells, const Box& part) {
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  cells_image(cells, part, 600).save(&buffer, "PNG");
  elements_ += fmt::format(
      "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\" "
      "href=\"data:image/png;base64,{}\"/>\n",
      number(box.x), number(box.y), number(box.width), number(box.height), bytes.toBase64().toStdString());
}

}  // namespace stemma

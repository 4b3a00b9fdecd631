// The three surfaces of a figure: one that measures, a painter's, and SVG text. All measure with DejaVu Sans.
#pragma once

#include <QFont>
#include <QPainter>
#include <map>
#include <string>

#include "viewer/canvas.h"

namespace stemma {

// DejaVu Sans of `size` points, laid out at 720 units to the inch, so that widths do not depend on the device.
QFont figure_font(TextStyle style);

// Measures, draws nothing.
class MeasuringCanvas : public Canvas {
 public:
  double text_width(std::string_view text, TextStyle style) override;
  void fill(const Box&, Rgba) override {}
  void line(double, double, double, double, double, Rgba, bool) override {}
  void text(double, double, std::string_view, TextStyle, Rgba) override {}
  void cells(const Box&, const Cells&, const Box&) override {}
};

// On a QPainter whose unit is a point.
class PainterCanvas : public MeasuringCanvas {
 public:
  explicit PainterCanvas(QPainter& painter) : painter_(painter) {}
  void fill(const Box& box, Rgba colour) override;
  void line(double x0, double y0, double x1, double y1, double width, Rgba colour, bool dashed) override;
  void text(double x, double baseline, std::string_view text, TextStyle style, Rgba colour) override;
  void cells(const Box& box, const Cells& cells, const Box& part) override;

 private:
  QPainter& painter_;
};

// Writes SVG elements. Text stays text, so that it can be searched and edited: each line has a textLength, so that tints
// stay behind their words where a reader's machine has another font.
class SvgCanvas : public MeasuringCanvas {
 public:
  void fill(const Box& box, Rgba colour) override;
  void line(double x0, double y0, double x1, double y1, double width, Rgba colour, bool dashed) override;
  void text(double x, double baseline, std::string_view text, TextStyle style, Rgba colour) override;
  void cells(const Box& box, const Cells& cells, const Box& part) override;
  const std::string& elements() const { return elements_; }

 private:
  std::string elements_;
};

std::string xml_escaped(std::string_view text);
// The part of the cells as an image with whole pixels a cell, so that no viewer smooths it.
QImage cells_image(const Cells& cells, const Box& part, int least_width);

}  // namespace stemma

// The viewer's drawing by QPainter, for displays without OpenGL.
#pragma once

#include <QFont>
#include <QImage>
#include <QPainter>
#include <map>

#include "viewer/canvas.h"

namespace stemma {

using KeptImages = std::map<uint64_t, QImage>;  // by Cells::stamp

class ScreenCanvas : public Canvas {
 public:
  // Both outlive it; `images` keeps what one frame needs for the next.
  ScreenCanvas(QPainter& painter, KeptImages& images) : painter_(painter), images_(images) {}
  ~ScreenCanvas() override;

  double text_width(std::string_view text, TextStyle style) override;
  void fill(const Box& box, Rgba colour) override;
  void line(double x0, double y0, double x1, double y1, double width, Rgba colour, bool dashed) override;
  void text(double x, double baseline, std::string_view text, TextStyle style, Rgba colour) override;
  void cells(const Box& box, const Cells& cells, const Box& part) override;

 private:
  static QFont font(TextStyle style);
  QPainter& painter_;
  KeptImages& images_;
  KeptImages used_;
};

}  // namespace stemma

// A surface for the panels of the viewer: OpenGL where the display has it, QPainter elsewhere.
//
// UI thread only. A QOpenGLWidget is made only after an OpenGL context was made and bound once: under "offscreen",
// "minimal" or a display without GL, Qt would crash.
#pragma once

#include <QWidget>
#include <functional>

#include "viewer/canvas.h"
#include "viewer/input.h"

namespace stemma {

class CanvasWidget : public QWidget {
  Q_OBJECT

 public:
  // Draws one frame, and is given what the hands did since the last. It must not change widgets; what a person chose is
  // told through a queued call.
  using Frame = std::function<void(Canvas&, const Input&)>;

  explicit CanvasWidget(QWidget* parent = nullptr);
  void show_frame(Frame frame);
  void redraw();

  bool has_opengl() const { return has_opengl_; }
  // Whether this process may make a QOpenGLWidget; found out once, at the first call.
  static bool opengl_works();

 private:
  class GlCanvas;
  class PaintedCanvas;
  QWidget* canvas_;  // one of the two
  bool has_opengl_ = false;
  Frame frame_ = [](Canvas&, const Input&) {};
};

}  // namespace stemma

// The canvas of a trace's activations: OpenGL where the display has it, the same map by QPainter elsewhere.
//
// UI thread only. A QOpenGLWidget is made only after an OpenGL context was made and bound once: under "offscreen",
// "minimal" or a display without GL, Qt would crash.
#pragma once

#include <QLabel>
#include <QWidget>
#include <memory>

#include "runtime/trace/activation_summary.h"

namespace stemma {

class ViewerWidget : public QWidget {
  Q_OBJECT

 public:
  explicit ViewerWidget(QWidget* parent = nullptr);
  ~ViewerWidget() override;

  // Null or empty: the message is shown. The map is shared, never changed.
  void show_activations(std::shared_ptr<const ActivationMap> map);
  // Moves the crosshair (-1: none) and scrolls it into sight; emits nothing.
  void set_cursor(int layer, int token);
  void set_dark(bool dark);
  // What to say while there is no map: "This trace has no recorded activations; ..."
  void set_message(const QString& message);

  bool has_opengl() const;
  // Whether this process may make a QOpenGLWidget; found out once, at the first call.
  static bool opengl_works();

 signals:
  void cursor_chosen(int layer, int token);  // a person clicked the cell

 private:
  class GlCanvas;
  class PaintedCanvas;
  GlCanvas* gl_ = nullptr;  // owned by Qt's parenthood; one of the two is null
  PaintedCanvas* painted_ = nullptr;
  QLabel* notice_ = nullptr;  // the sentence beside the painted map
};

}  // namespace stemma

// The panel of layers x tokens: a heat map with a crosshair, readings, and a legend. Draws on any Canvas.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/trace/activation_summary.h"
#include "viewer/canvas.h"
#include "viewer/input.h"
#include "viewer/scene.h"

namespace stemma {

// The range that colours cover: symmetric about zero where the map diverges. Not measured values are left out.
struct ColourRange {
  double low = 0, high = 1;
  // The 1st to the 99th percentile, so that one outlier does not flatten the rest; `cut` says that some lie outside.
  bool cut = false;
};
ColourRange colour_range(const ActivationMap& map);
// Row 0 is the last layer; each column is the mean of what was measured of `pool` tokens.
Cells colour_cells(const ActivationMap& map, const ColourRange& range, bool dark, int pool = 1);
Cells ramp_cells(const ActivationMap& map, bool dark);  // the legend: 128 columns from low to high
// Three significant digits; an en dash where not measured.
std::string written(double value);
// A token for a person: spaces as "·", line ends as "↵".
std::string visible_token(const std::string& text);

class ActivationMapPanel {
 public:
  void show(std::shared_ptr<const ActivationMap> map);
  void set_cursor(Cell cell);
  void set_dark(bool dark);
  void set_message(std::string message) { message_ = std::move(message); }

  // Applies the input, draws one frame. The cell a person chose with it, if any.
  std::optional<Cell> frame(Canvas& canvas, const Input& input);

  const Scene& scene() const { return scene_; }
  Cell cursor() const { return cursor_; }
  const ActivationMap* map() const { return map_.get(); }

 private:
  std::optional<Cell> apply(const Input& input);
  void draw_header(Canvas& canvas, const Input& input) const;
  void draw_legend(Canvas& canvas, double right, double baseline) const;
  void draw_cells(Canvas& canvas);
  void draw_axes(Canvas& canvas) const;
  void draw_crosshair(Canvas& canvas) const;
  void draw_reading(Canvas& canvas, const Input& input) const;
  std::string reading(Cell cell) const;

  std::shared_ptr<const ActivationMap> map_;
  std::string message_;
  Scene scene_;
  Cells cells_, ramp_;
  int pooled_ = 0;  // tokens that a column of cells_ covers; 0: none coloured yet
  ColourRange range_;
  Cell cursor_;
  bool dark_ = false;
  bool was_down_ = false, dragged_ = false;
  double press_x_ = 0, press_y_ = 0, last_x_ = 0;
};

}  // namespace stemma

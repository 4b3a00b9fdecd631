// Which part of a map is in sight, and where its cells lie. Geometry alone: no pixels, no GL.
#pragma once

#include <cstdint>
#include <optional>

#include "viewer/canvas.h"

namespace stemma {

struct Cell {
  int layer = -1, token = -1;
  bool operator==(const Cell&) const = default;
};

// Tokens run to the right, layers upwards: the last layer is on top. All layers are always in sight; tokens zoom and pan.
class Scene {
 public:
  void set_size(int layers, int tokens);  // shows all of it
  void set_plot(const Box& plot) { plot_ = plot; clamp(); }
  void fit();
  // Zooms about the token under x; factor > 1 shows fewer tokens.
  void zoom(double factor, double x);
  void pan(double pixels);         // positive: the content moves right
  void reveal(int token);          // scrolls as little as is needed

  const Box& plot() const { return plot_; }
  double first() const { return first_; }   // leftmost token in sight, with its fraction
  double shown() const { return shown_; }   // tokens across the plot; may be more than there are
  double column_width() const { return plot_.width / shown_; }
  double row_height() const { return plot_.height / (layers_ > 0 ? layers_ : 1); }
  double x_of(double token) const { return plot_.x + (token - first_) * column_width(); }
  Box box_of(Cell cell) const;
  std::optional<Cell> cell_at(double x, double y) const;
  int layers() const { return layers_; }
  int tokens() const { return tokens_; }

 private:
  void clamp();
  double most_shown() const;
  int layers_ = 0, tokens_ = 0;
  Box plot_;
  double first_ = 0, shown_ = 1;
  bool fitted_ = true;  // follows the window's size until a person zooms
};

}  // namespace stemma

// The panel of attention between steps: a map, each row a step that looks and each column a step looked at; beside it what
// the step under the cursor looks at most. Draws on any Canvas.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/trace/attention_map.h"
#include "viewer/canvas.h"
#include "viewer/input.h"

namespace stemma {

class AttentionPanel {
 public:
  void show(std::shared_ptr<const AttentionMap> map);
  void set_cursor(int step);  // -1: none
  void set_dark(bool dark);
  void set_message(std::string message) { message_ = std::move(message); }

  // Applies the input, draws one frame. The step a person chose with it, if any.
  std::optional<int> frame(Canvas& canvas, const Input& input);

  const AttentionMap* map() const { return map_.get(); }
  int cursor() const { return cursor_; }
  Box plot() const { return plot_; }                         // of the last frame
  Box box_of(int step, int seen) const;                      // the cell, in that frame
  const std::vector<int>& most_seen() const { return seen_; }  // steps the cursor's looks at, most first

 private:
  struct Place {
    int step = -1, seen = -1;
  };
  std::optional<int> apply(const Input& input);
  std::optional<Place> place_at(double x, double y) const;
  void zoom(double factor, double x, double y);
  void clamp();
  void reveal();
  void lay_out(const Input& input);
  void draw_header(Canvas& canvas, const Input& input);
  void draw_map(Canvas& canvas);
  void draw_row(Canvas& canvas, const Input& input);
  std::string reading(Place place) const;

  std::shared_ptr<const AttentionMap> map_;
  std::string message_;
  std::vector<int> seen_;
  Cells cells_, ramp_;
  int pooled_ = 0;   // steps that one cell of cells_ covers each way; 0: none coloured yet
  double most_ = 1;  // the value of the ramp's end
  bool cut_ = false;
  int cursor_ = -1;
  bool dark_ = false;
  Box plot_, list_;
  double left_ = 0, top_ = 0, shown_ = 1;  // first column and row in sight, and how many of each
  bool was_down_ = false, dragged_ = false;
  double press_x_ = 0, press_y_ = 0, last_x_ = 0, last_y_ = 0;
};

}  // namespace stemma

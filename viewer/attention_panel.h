// The panel of attention between steps: a map, each row a step that looks and each column a step looked at; beside it
// what the step under the cursor looks at most, or the token. Draws on any Canvas.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/trace/attention_map.h"
#include "viewer/attended_list.h"
#include "viewer/canvas.h"
#include "viewer/input.h"

namespace stemma {

class AttentionPanel {
 public:
  void show(std::shared_ptr<const AttentionMap> map);
  void set_cursor(int step);  // -1: none
  void set_dark(bool dark);
  void set_message(std::string message) { message_ = std::move(message); }

  // What a token looks at, in place of the step's list; no rows: the step's. `chosen` gets the place that is clicked.
  void show_tokens(std::string title, std::vector<Attended> rows) { tokens_.show(std::move(title), std::move(rows)); }
  void on_token(std::function<void(int)> chosen) { token_chosen_ = std::move(chosen); }

  // Applies the input, draws one frame. The step a person chose with it, if any.
  std::optional<int> frame(Canvas& canvas, const Input& input);

  const AttentionMap* map() const { return map_.get(); }
  int cursor() const { return cursor_; }
  Box plot() const { return plot_; }                         // of the last frame
  Box box_of(int step, int seen) const;                      // the cell, in that frame
  const std::vector<Attended>& most_seen() const {
    return steps_.rows();
  }  // what the cursor's step looks at, most first
  const AttendedList& tokens() const { return tokens_; }
  Box list() const { return list_; }  // of the last frame

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
  void choose_token(const Input& input);
  std::string reading(Place place) const;

  std::shared_ptr<const AttentionMap> map_;
  std::string message_;
  AttendedList steps_, tokens_;
  std::function<void(int)> token_chosen_;
  std::optional<std::pair<double, double>> token_press_;  // where the button went down
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

// What is looked at most, the strongest first: its number, a bar, the share, its first words. A click chooses one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "viewer/canvas.h"
#include "viewer/input.h"

namespace stemma {

struct Attended {
  int place = -1;    // of a step, or of a token
  std::string name;  // as it is counted for people
  double share = 0;  // 0..1
  std::string text;
};

class AttendedList {
 public:
  void show(std::string title, std::vector<Attended> rows);
  bool empty() const { return rows_.empty(); }
  const std::string& title() const { return title_; }
  const std::vector<Attended>& rows() const { return rows_; }

  std::optional<int> row_at(double x, double y) const;  // the place of the row there, in the last frame
  void draw(Canvas& canvas, const Input& input, const Box& box, bool dark);

 private:
  std::string title_;
  std::vector<Attended> rows_;
  Box box_;
};

std::string percent(double share);  // "12.3 %"; NaN: an en dash

}  // namespace stemma

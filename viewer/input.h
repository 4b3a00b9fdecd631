// What the hands did since the last frame, in the viewer's own words.
#pragma once

#include <string>
#include <vector>

namespace stemma {

enum class Key { left, right, up, down, home, end, zoom_in, zoom_out, escape };

// Lengths in logical pixels, the origin at the top left of the canvas.
struct Input {
  double width = 0, height = 0;
  double scale = 1;                // device pixels per logical pixel
  double mouse_x = -1, mouse_y = -1;
  bool inside = false;             // the pointer is over the canvas
  bool down = false;               // the left button is held
  bool double_click = false;       // since the last frame
  bool shift = false;
  double wheel = 0;                // notches, positive away from the hand
  double sideways = 0;             // notches, positive to the right
  std::vector<Key> keys;           // pressed since the last frame
  double seconds = 0;              // a steady clock
};

}  // namespace stemma

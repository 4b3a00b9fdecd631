// What a drawing needs of its surface, so that one drawing serves OpenGL, a painter and a vector file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "viewer/colormap.h"

namespace stemma {

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
  double right() const { return x + width; }
  double bottom() const { return y + height; }
  bool holds(double px, double py) const { return px >= x && px < right() && py >= y && py < bottom(); }
};

struct TextStyle {
  double size = 13;
  bool bold = false;
};

// Colours of cells, row 0 on top. `stamp` changes whenever the pixels do: surfaces keep what they uploaded.
struct Cells {
  int columns = 0, rows = 0;
  std::vector<Rgba> pixels;
  uint64_t stamp = 0;
};

uint64_t next_stamp();  // never the same twice; any thread

// Lengths are logical pixels or points. What is drawn later lies above.
class Canvas {
 public:
  virtual ~Canvas() = default;
  virtual double text_width(std::string_view text, TextStyle style) = 0;
  virtual void fill(const Box& box, Rgba colour) = 0;
  virtual void line(double x0, double y0, double x1, double y1, double width, Rgba colour, bool dashed = false) = 0;
  virtual void text(double x, double baseline, std::string_view text, TextStyle style, Rgba colour) = 0;
  // Cells [part.x, part.x + part.width) x [part.y, ...) of `cells` (fractions allowed) fill `box`, each one flat.
  virtual void cells(const Box& box, const Cells& cells, const Box& part) = 0;
};

// `text` itself, or as much of its beginning as fits into `width` with an ellipsis. Cuts between UTF-8 characters.
std::string elide(Canvas& canvas, std::string_view text, TextStyle style, double width);

// One line of text that was broken to a width: bytes [begin, end) of the text, without the space or newline it ends with.
struct TextLine {
  size_t begin = 0, end = 0;
};
std::vector<TextLine> break_lines(Canvas& canvas, const std::string& text, TextStyle style, double width);

}  // namespace stemma

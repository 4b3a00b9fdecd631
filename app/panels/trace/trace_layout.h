// The steps of a trace as paragraphs, one below the other. Where they stand is known at once: those that were not
// looked at yet have an estimated height, and are laid out when they come into sight or when there is time. UI thread.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "app/panels/trace/token_text.h"
#include "runtime/trace/trace.h"

namespace stemma {

class TraceLayout {
 public:
  static constexpr double pad = 7, between = 5, caption = 30;
  static double line_height();

  struct Block {
    int step = -1;  // -1: tokens that are in no step yet
    int begin = 0, end = 0;
    StepKind kind = StepKind::thought;
    bool captioned = false;  // the first of its kind
    TokenParagraph paragraph;
    double top = 0, height = 0;
    bool placed = false;  // laid out at the present width; else the height is an estimate

    double text_top() const { return top + (captioned ? caption : 0) + pad; }
  };

  void clear();
  void set_trace(const Trace* trace, bool marks);  // what is as it was stays laid out
  void set_width(double width);                    // of the text

  bool folded(int step) const { return folded_.contains(step); }
  void set_folded(int step, bool folded);

  // Lays out what covers [from, to); what stands above `from` stays where it is.
  void place(double from, double to);
  void place_around(int block, double room);  // that block, and as far before and behind it
  bool place_some(int milliseconds);          // of the rest; false: all is laid out

  double height() const { return height_; }
  int count() const { return static_cast<int>(blocks_.size()); }
  const Block& block(int index) const { return *blocks_[static_cast<size_t>(index)]; }
  int at(double y) const;         // index of the block at this height, -1: none
  int of_token(int token) const;  // -1: none
  int of_step(int step) const;    // -1: none

 private:
  void lay_out(Block& block);
  void stack();  // tops and the whole height
  double outer(const Block& block, double text) const;
  double estimate(const Block& block) const;

  std::vector<std::unique_ptr<Block>> blocks_;
  std::set<int> folded_;
  double width_ = 0, height_ = 0;
};

}  // namespace stemma

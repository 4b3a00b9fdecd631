// Standard error as people see it: progress on one line, Ctrl+C, and text from strangers made harmless.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "runtime/progress.h"

namespace stemma {

// Shows Progress on standard error: one line rewritten in place on a terminal, else a line every few seconds.
class ProgressLine {
 public:
  ~ProgressLine() { clear(); }
  void show(const Progress& progress);  // any one thread
  void clear();                         // before other text is written

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_ = {};
  std::string stage_;
  bool shown_ = false;
};

// Reports to `line`, tells notes on standard error, and stops at Ctrl+C or SIGTERM; a second Ctrl+C ends the program at
// once. Both arguments must outlive the work. One at a time in a program.
void watch(Control& control, ProgressLine& line);

// One line on standard error; a line that show_text left open is ended first.
void tell(std::string_view text);
// Text as it comes, on standard error.
void show_text(std::string_view text);

// Control characters that could steer a terminal become U+FFFD; newlines and tabs stay.
std::string harmless(std::string_view text);
// On one line, cut to `width` characters with an ellipsis.
std::string snippet(std::string_view text, size_t width);

std::string in_bytes(double bytes);       // "12.3 MB"
std::string in_time(double seconds);      // "1 h 12 min", "3.2 s"
std::string in_thousands(int64_t count);  // "1,234,567"

}  // namespace stemma

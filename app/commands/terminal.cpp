#include "app/commands/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "app/commands/signals.h"
#include "runtime/ranks/mpi_plugin.h"

namespace stemma {

namespace {

bool line_is_open = false;

bool on_terminal() {
  static const bool is = isatty(STDERR_FILENO) == 1;
  return is;
}

// Of the ranks that a launcher started, rank 0 speaks for all.
bool silent() {
  static const bool is = launch_of_environment().rank > 0;
  return is;
}

std::string line_of(const Progress& progress) {
  std::string line = progress.stage;
  if (progress.total > 0) {
    line += fmt::format("  {} of {} ({:.0f} %)", in_thousands(std::llround(progress.done)),
                        in_thousands(std::llround(progress.total)), 100 * progress.done / progress.total);
  }
  if (progress.seconds_left >= 0) line += fmt::format("  {} left", in_time(progress.seconds_left));
  return line;
}

}  // namespace

void ProgressLine::show(const Progress& progress) {
  if (silent()) return;
  const auto now = Clock::now();
  const auto pause = on_terminal() ? std::chrono::milliseconds(100) : std::chrono::seconds(5);
  const bool finished = progress.total > 0 && progress.done >= progress.total;
  if (progress.stage == stage_ && now - last_ < pause && !(finished && on_terminal())) return;
  stage_ = progress.stage;
  last_ = now;
  if (on_terminal()) {
    std::fputs(fmt::format("\r\x1b[K{}", line_of(progress)).c_str(), stderr);
    shown_ = true;
  } else {
    std::fputs((line_of(progress) + "\n").c_str(), stderr);
  }
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (!shown_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  shown_ = false;
}

void watch(Control& control, ProgressLine& line) {
  control.report = [&line](const Progress& progress) { line.show(progress); };
  control.note = [&line](const std::string& sentence) {
    line.clear();
    tell(harmless(sentence));
  };
  cancel_on_signal(control);
}

void tell(std::string_view text) {
  if (silent()) return;
  std::fputs(fmt::format("{}{}\n", line_is_open ? "\n" : "", text).c_str(), stderr);
  std::fflush(stderr);
  line_is_open = false;
}

void show_text(std::string_view text) {
  if (silent()) return;
  const std::string shown = harmless(text);
  std::fputs(shown.c_str(), stderr);
  std::fflush(stderr);
  if (!shown.empty()) line_is_open = shown.back() != '\n';
}

std::string harmless(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1) ++i;
    if (c1 || byte == 0x7f || (byte < 0x20 && byte != '\n' && byte != '\t'))
      out += "\xef\xbf\xbd";
    else
      out += text[i];
  }
  return out;
}

std::string snippet(std::string_view text, size_t width) {
  std::string out;
  size_t characters = 0;
  bool space = false;
  for (const char c : harmless(text)) {
    if (c == ' ' || c == '\n' || c == '\t') {
      space = !out.empty();
      continue;
    }
    const bool starts = (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    if (starts) {
      if (characters + space >= width) return out + "…";
      characters += 1 + space;
      if (space) out += ' ';
      space = false;
    }
    out += c;
  }
  return out;
}

std::string in_bytes(double bytes) {
  const char* units[] = {"bytes", "kB", "MB", "GB", "TB"};
  int unit = 0;
  while (bytes >= 1000 && unit < 4) bytes /= 1000, ++unit;
  return unit == 0 ? fmt::format("{:.0f} bytes", bytes) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

std::string in_time(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  const auto whole = std::llround(seconds);
  if (whole < 120) return fmt::format("{} s", whole);
  if (whole < 7200) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::string in_thousands(int64_t count) {
  std::string digits = std::to_string(count);
  const int64_t first = count < 0 ? 1 : 0;
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > first; at -= 3)
    digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

}  // namespace stemma

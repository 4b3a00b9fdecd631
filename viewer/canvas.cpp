#include "viewer/canvas.h"

namespace stemma {
namespace {

size_t next_character(const std::string& text, size_t at) {
  ++at;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  return at;
}
}  // namespace

std::vector<TextLine> break_lines(Canvas& canvas, const std::string& text, TextStyle style, double width) {
  std::vector<TextLine> lines;
  size_t begin = 0, at = 0;
  size_t last_space = std::string::npos;
  double x = 0, x_after_space = 0;
  auto finish = [&](size_t end, size_t next) {
    lines.push_back({begin, end});
    begin = next;
    last_space = std::string::npos;
  };
  while (at < text.size()) {
    const size_t next = next_character(text, at);
    if (text[at] == '\n') {
      finish(at, next);
      x = 0;
      at = next;
      continue;
    }
    const double advance = canvas.text_width(std::string_view(text).substr(at, next - at), style);
    if (text[at] == ' ') {
      last_space = at;
      x_after_space = x + advance;
    } else if (x + advance > width && at > begin) {
      if (last_space != std::string::npos) {
        finish(last_space, last_space + 1);
        x -= x_after_space;
      } else {  // a word longer than the line
        finish(at, at);
        x = 0;
      }
    }
    x += advance;
    at = next;
  }
  if (begin < text.size() || lines.empty()) lines.push_back({begin, text.size()});
  return lines;
}

std::string elide(Canvas& canvas, std::string_view text, TextStyle style, double width) {
  if (canvas.text_width(text, style) <= width) return std::string(text);
  size_t fits = 0;
  for (size_t end = 1; end <= text.size(); ++end) {
    if (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) continue;  // inside a character
    if (canvas.text_width(std::string(text.substr(0, end)) + "…", style) > width) break;
    fits = end;
  }
  return fits == 0 ? std::string() : std::string(text.substr(0, fits)) + "…";
}

}  // namespace stemma

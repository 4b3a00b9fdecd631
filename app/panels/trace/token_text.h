// A paragraph of tokens: text laid out to a measure, a tint behind each token, the token under a point.
#pragma once

#include <QColor>
#include <QFont>
#include <QString>
#include <QTextLayout>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

class QPainter;

namespace stemma {

// Letters of tokens [first, first + ranges.size()): ranges[i] are the UTF-16 places [begin, end) of token first + i.
// A hidden token has an empty range.
struct TokenRun {
  QString text;
  std::vector<std::pair<int, int>> ranges;
  int first = 0;
};

// `offsets` (n+1): byte offsets into `text` of tokens first .. first+n. Without `marks`, special tokens and the white
// space at both ends are hidden; with them, spaces are "·", line ends "↵" and special tokens stand as written. Bytes
// that are no UTF-8 become U+FFFD. `tags` shows special tokens all the same.
TokenRun token_run(std::string_view text, std::span<const uint32_t> offsets, int first, bool marks, bool tags = false);
bool looks_special(std::string_view token);  // "<think>", "<|endoftext|>"
// Text on one line for a list: white space simplified, special tokens left out.
QString one_line(const std::string& text);
// One token as a word for a table: spaces, tabs and line ends shown.
QString token_name(std::string_view token);

class TokenParagraph {
 public:
  void set(TokenRun run, const QFont& font);
  // Lays the letters out; returns the height. `line_height` in px.
  double layout(double width, double line_height);
  double height() const { return height_; }
  int lines() const { return layout_ ? layout_->lineCount() : 0; }

  struct Look {
    QColor ink;
    std::function<QColor(int token)> tint;  // an invalid colour: none
    int outlined = -1;                      // the token under the cursor
    QColor outline;
    std::pair<int, int> chosen = {0, 0};    // tokens [first, second)
    QColor chosen_colour;
    std::pair<int, int> found = {-1, -1};  // UTF-16 places of a match
    QColor found_colour;
    int most_lines = -1;  // of a folded paragraph
  };
  void paint(QPainter& painter, const QPointF& at, const Look& look) const;

  int token_at(const QPointF& point) const;  // -1: none; relative to the paragraph's corner
  QRectF rectangle(int token) const;         // of its first line's part
  const TokenRun& run() const { return run_; }
  bool hidden(int token) const;

 private:
  void cover(QPainter& painter, const QPointF& at, int begin, int end, const QColor& colour, int lines) const;
  TokenRun run_;
  std::unique_ptr<QTextLayout> layout_;
  double height_ = 0, line_height_ = 0;
};

}  // namespace stemma

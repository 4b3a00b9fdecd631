#include "app/panels/trace/token_text.h"

#include <QPainter>
#include <QRegularExpression>
#include <QTextOption>
#include <algorithm>
#include <cmath>

namespace stemma {

namespace {
// Length of the UTF-8 character at `at`, 0 if the bytes there are none.
int character_length(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const int length = lead < 0x80                   ? 1
                     : lead >= 0xC2 && lead < 0xE0 ? 2
                     : lead >= 0xE0 && lead < 0xF0 ? 3
                     : lead >= 0xF0 && lead < 0xF5 ? 4
                                                   : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (int i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) return 0;
  }
  return length;
}

bool is_space(QChar c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

QString marked(QChar c) {
  if (c == ' ') return QStringLiteral("·");
  if (c == '\n') return QStringLiteral("↵\n");
  if (c == '\t') return QStringLiteral("→\t");
  return c;
}
}  // namespace

bool looks_special(std::string_view token) {
  return token.size() > 2 && token.front() == '<' && token.back() == '>' &&
         token.find_first_of(" \n\t", 0) == std::string_view::npos && token.find('<', 1) == std::string_view::npos;
}

QString one_line(const std::string& text) {
  static const QRegularExpression special(QStringLiteral("<[^<>\\s]+>"));
  return QString::fromStdString(text).replace(special, QStringLiteral(" ")).simplified();
}

QString token_name(std::string_view token) {
  QString out;
  for (const QChar c : QString::fromUtf8(token.data(), static_cast<qsizetype>(token.size()))) {
    out += c == '\n'   ? QStringLiteral("↵")
           : c == '\t' ? QStringLiteral("→")
           : c == ' '  ? QStringLiteral("·")
                       : QString(c);
  }
  return out;
}

TokenRun token_run(std::string_view text, std::span<const uint32_t> offsets, int first, bool marks, bool tags) {
  TokenRun run;
  run.first = first;
  const size_t count = offsets.empty() ? 0 : offsets.size() - 1;
  run.ranges.reserve(count);
  size_t at = count > 0 ? std::min<size_t>(offsets[0], text.size()) : 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t end = std::min<size_t>(offsets[i + 1], text.size());
    const int begin = static_cast<int>(run.text.size());
    const std::string_view token = end > offsets[i] ? text.substr(offsets[i], end - offsets[i]) : std::string_view();
    if (!marks && !tags && looks_special(token)) {
      at = std::max(at, end);
    }
    // A character that two tokens share belongs to the first of them.
    while (at < end) {
      const int length = character_length(text, at);
      if (length > 1)
        run.text += QString::fromUtf8(text.data() + at, length);
      else if (length == 0)
        run.text += QChar(QChar::ReplacementCharacter);
      else if (marks)
        run.text += marked(QLatin1Char(text[at]));
      else
        run.text += QLatin1Char(text[at]);
      at += std::max(1, length);
    }
    run.ranges.emplace_back(begin, static_cast<int>(run.text.size()));
  }
  if (!marks) {
    int lead = 0, tail = static_cast<int>(run.text.size());
    while (lead < tail && is_space(run.text[lead])) ++lead;
    while (tail > lead && is_space(run.text[tail - 1])) --tail;
    run.text = run.text.mid(lead, tail - lead);
    for (auto& [begin, end] : run.ranges) {
      begin = std::clamp(begin - lead, 0, tail - lead);
      end = std::clamp(end - lead, 0, tail - lead);
    }
  }
  run.text.replace('\n', QChar::LineSeparator);
  return run;
}

void TokenParagraph::set(TokenRun run, const QFont& font) {
  run_ = std::move(run);
  layout_ = std::make_unique<QTextLayout>(run_.text, font);
  layout_->setCacheEnabled(true);
  QTextOption option;
  option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
  layout_->setTextOption(option);
  height_ = 0;
}

double TokenParagraph::layout(double width, double line_height) {
  line_height_ = line_height;
  layout_->beginLayout();
  double y = 0;
  for (QTextLine line = layout_->createLine(); line.isValid(); line = layout_->createLine()) {
    line.setLineWidth(std::max(40.0, width));
    line.setPosition({0, y + std::max(0.0, (line_height - line.height()) / 2)});
    y += line_height;
  }
  layout_->endLayout();
  height_ = std::max(line_height, y);
  return height_;
}

bool TokenParagraph::hidden(int token) const {
  const int i = token - run_.first;
  return i < 0 || i >= static_cast<int>(run_.ranges.size()) || run_.ranges[i].first == run_.ranges[i].second;
}

void TokenParagraph::cover(QPainter& painter, const QPointF& at, int begin, int end, const QColor& colour,
                           int lines) const {
  for (int i = 0; i < lines; ++i) {
    const QTextLine line = layout_->lineAt(i);
    const int from = std::max(begin, line.textStart()), to = std::min(end, line.textStart() + line.textLength());
    if (from >= to) continue;
    const double left = line.cursorToX(from), right = std::min(line.cursorToX(to), line.naturalTextWidth());
    if (right <= left) continue;
    painter.fillRect(QRectF(at.x() + left, at.y() + i * line_height_ + 2, right - left, line_height_ - 4), colour);
  }
}

void TokenParagraph::paint(QPainter& painter, const QPointF& at, const Look& look) const {
  if (!layout_) return;
  const int lines = look.most_lines < 0 ? layout_->lineCount() : std::min(look.most_lines, layout_->lineCount());
  if (look.tint) {
    for (size_t i = 0; i < run_.ranges.size(); ++i) {
      const auto [begin, end] = run_.ranges[i];
      if (begin == end) continue;
      if (const QColor colour = look.tint(run_.first + static_cast<int>(i)); colour.isValid()) {
        cover(painter, at, begin, end, colour, lines);
      }
    }
  }
  for (int token = std::max(look.chosen.first, run_.first); token < std::min(look.chosen.second, run_.first + static_cast<int>(run_.ranges.size())); ++token) {
    if (hidden(token)) continue;
    const auto [begin, end] = run_.ranges[token - run_.first];
    cover(painter, at, begin, end, look.chosen_colour, lines);
  }
  if (look.found.first >= 0) cover(painter, at, look.found.first, look.found.second, look.found_colour, lines);
  painter.setPen(look.ink);
  for (int i = 0; i < lines; ++i) layout_->lineAt(i).draw(&painter, at);
  if (look.outlined >= 0 && !hidden(look.outlined)) {
    const QRectF box = rectangle(look.outlined).translated(at);
    painter.setPen(QPen(look.outline, 1.5));
    painter.setBrush(Qt::NoBrush);
    painter.drawRoundedRect(box.adjusted(0.5, 1.5, -0.5, -1.5), 2, 2);
  }
}

int TokenParagraph::token_at(const QPointF& point) const {
  if (!layout_ || point.y() < 0 || line_height_ <= 0) return -1;
  const int index = static_cast<int>(point.y() / line_height_);
  if (index >= layout_->lineCount()) return -1;
  const QTextLine line = layout_->lineAt(index);
  if (point.x() < 0 || point.x() > line.naturalTextWidth()) return -1;
  const int place = line.xToCursor(point.x(), QTextLine::CursorOnCharacter);
  for (size_t i = 0; i < run_.ranges.size(); ++i) {
    if (place >= run_.ranges[i].first && place < run_.ranges[i].second) return run_.first + static_cast<int>(i);
  }
  return -1;
}

QRectF TokenParagraph::rectangle(int token) const {
  const int i = token - run_.first;
  if (!layout_ || i < 0 || i >= static_cast<int>(run_.ranges.size())) return {};
  const auto [begin, end] = run_.ranges[i];
  for (int l = 0; l < layout_->lineCount(); ++l) {
    const QTextLine line = layout_->lineAt(l);
    if (begin >= line.textStart() + line.textLength() && l + 1 < layout_->lineCount()) continue;
    const double left = line.cursorToX(begin);
    const double right = line.cursorToX(std::min(end, line.textStart() + line.textLength()));
    return {left, l * line_height_, std::max(3.0, right - left), line_height_};
  }
  return {};
}

}  // namespace stemma

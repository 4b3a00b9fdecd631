#include "app/panels/trace_view.h"

#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QScrollBar>
#include <QToolTip>
#include <algorithm>

#include "app/fonts.h"
#include "app/numbers.h"
#include "app/panels/alternatives_popup.h"
#include "app/panels/panel_parts.h"
#include "app/panels/step_marks.h"
#include "app/theme.h"

namespace stemma {

namespace {
constexpr double gutter = 58, side = 18, pad = 7, between = 5, caption = 30;
double line_height() { return std::round(text_font().pixelSize() * text_line_height); }
}  // namespace

TraceView::TraceView(OpenSession* document, QWidget* parent) : QAbstractScrollArea(parent), document_(document) {
  setFrameShape(QFrame::NoFrame);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setFocusPolicy(Qt::StrongFocus);
  viewport()->setMouseTracking(true);
  viewport()->setAutoFillBackground(false);
  setMinimumWidth(380);
  alternatives_ = std::make_unique<AlternativesPopup>(this);
  ask_ = button(tr("Documents behind these tokens…"), tr("Ask which training documents made them likely (Q)"), true);
  ask_->setParent(viewport());
  ask_->setFocusPolicy(Qt::NoFocus);
  ask_->setCursor(Qt::ArrowCursor);
  ask_->hide();
  connect(ask_, &QPushButton::clicked, this, &TraceView::ask_wanted);
  connect(document_, &OpenSession::chosen_changed, this, [this] {
    if (document_->chosen().empty()) ask_->hide();
    viewport()->update();
  });
  hover_timer_.setSingleShot(true);
  hover_timer_.setInterval(180);
  connect(&hover_timer_, &QTimer::timeout, this, [this] {
    const Trace* trace = document_->trace();
    const Block* block = block_of_token(hovered_);
    if (!trace || !block) return;
    const QRectF box = token_rectangle(*block, hovered_);
    alternatives_->show_token(*trace, hovered_,
                              QRect(viewport()->mapToGlobal(box.topLeft().toPoint()), box.size().toSize()));
  });
  connect(document_, &OpenSession::trace_changed, this, &TraceView::rebuild);
  connect(document_, &OpenSession::table_changed, this, &TraceView::reshade);
  connect(document_, &OpenSession::cursor_changed, this, [this](const Cursor& now, const Cursor& before) {
    if (now.step != before.step || now.trace != before.trace || now.token != before.token) show_step(now.token < 0);
    viewport()->update();
  });
  connect(&ThemeKeeper::instance(), &ThemeKeeper::changed, viewport(), [this] { viewport()->update(); });
}

TraceView::~TraceView() = default;

double TraceView::text_width() const {
  return std::min(measure_width(), static_cast<double>(viewport()->width()) - gutter - 2 * side);
}

double TraceView::text_left() const {
  const double spare = viewport()->width() - gutter - text_width() - 2 * side;
  return std::round(std::max(0.0, spare) / 2 + gutter + side);
}

void TraceView::rebuild() {
  const Trace* trace = document_->trace();
  alternatives_->hide();
  hovered_ = -1;
  const std::string id = trace ? trace->id : std::string();
  const bool same = trace && id == shown_trace_ && document_->is_live();
  const bool at_end = verticalScrollBar()->value() >= verticalScrollBar()->maximum() - 4;
  if (!same) {
    blocks_.clear();
    folded_.clear();
    found_block_ = -1;
  }
  shown_trace_ = id;
  size_t kept = 0;
  if (trace) {
    std::vector<Step> steps = trace->steps;
    const int covered = steps.empty() ? 0 : steps.back().end;
    const int known = static_cast<int>(steps.size());
    if (covered < trace->size()) {
      steps.push_back({covered, trace->size(), covered < trace->prompt_tokens ? StepKind::prompt : StepKind::thought});
    }
    for (size_t i = 0; i < steps.size(); ++i, ++kept) {
      const Step& step = steps[i];
      const int index = static_cast<int>(i) < known ? static_cast<int>(i) : -1;
      if (kept < blocks_.size()) {
        Block& block = *blocks_[kept];
        if (block.begin == step.begin && block.end == step.end && block.kind == step.kind && block.step == index)
          continue;
      } else {
        blocks_.push_back(std::make_unique<Block>());
      }
      Block& block = *blocks_[kept];
      block.step = index;
      block.begin = step.begin;
      block.end = step.end;
      block.kind = step.kind;
      block.captioned = i == 0 || steps[i - 1].kind != step.kind;
      block.height = 0;
      block.paragraph.set(
          token_run(trace->text, std::span(trace->token_offsets).subspan(step.begin, step.end - step.begin + 1),
                    step.begin, marks_),
          text_font());
    }
  }
  blocks_.resize(kept);
  lay_out();
  reshade();
  if (document_->is_live() && (at_end || !same)) verticalScrollBar()->setValue(verticalScrollBar()->maximum());
  if (!same && !document_->is_live()) verticalScrollBar()->setValue(0);
}

void TraceView::lay_out() {
  double y = 14;
  for (auto& block : blocks_) {
    block->top = y;
    const bool fold = folded(block->step);
    const double text =
        block->height > 0 ? block->paragraph.height() : block->paragraph.layout(text_width(), line_height());
    block->height = (block->captioned ? caption : 0) + 2 * pad + (fold ? line_height() : text);
    y += block->height + between;
  }
  content_height_ = y + 24;
  verticalScrollBar()->setPageStep(viewport()->height());
  verticalScrollBar()->setSingleStep(static_cast<int>(line_height()));
  verticalScrollBar()->setRange(0, std::max(0, static_cast<int>(content_height_) - viewport()->height()));
  viewport()->update();
}

void TraceView::resizeEvent(QResizeEvent*) {
  for (auto& block : blocks_) block->height = 0;
  lay_out();
}

void TraceView::reshade() {
  const Trace* trace = document_->trace();
  const Shade shade = shading_.shade;
  shading_ = trace ? shade_trace(*trace, document_->table(), shade) : Shading{shade};
  emit shading_changed();
  viewport()->update();
}

void TraceView::set_shade(Shade shade) {
  shading_.shade = shade;
  reshade();
}

void TraceView::set_marks(bool shown) {
  marks_ = shown;
  shown_trace_.clear();
  rebuild();
}

void TraceView::fold_step() {
  const int step = document_->cursor().step;
  if (step < 0) return;
  if (!folded_.erase(step)) folded_.insert(step);
  lay_out();
  show_step(false);
}

void TraceView::show_step(bool all) {
  const Block* block = nullptr;
  for (const auto& candidate : blocks_) {
    if (candidate->step == document_->cursor().step) block = candidate.get();
  }
  if (!block || document_->is_live()) return;
  double top = block->top, bottom = block->top + block->height;
  if (const int token = document_->cursor().token; !all && token >= 0 && block == block_of_token(token)) {
    const QRectF box = block->paragraph.rectangle(token);
    top += box.top();
    bottom = block->top + (block->captioned ? caption : 0) + box.bottom() + 2 * pad;
  }
  const int value = verticalScrollBar()->value(), page = viewport()->height();
  const double margin = std::min(60.0, page / 6.0);
  if (top - margin < value || bottom - top > page) {
    verticalScrollBar()->setValue(static_cast<int>(top - margin));
  } else if (bottom + margin > value + page) {
    verticalScrollBar()->setValue(static_cast<int>(bottom + margin - page));
  }
}

void TraceView::paintEvent(QPaintEvent* event) {
  QPainter painter(viewport());
  painter.fillRect(event->rect(), theme().ground);
  const double shift = verticalScrollBar()->value();
  for (const auto& block : blocks_) {
    if (block->top + block->height < shift || block->top > shift + viewport()->height()) continue;
    paint_block(painter, *block, block->top - shift);
  }
}

void TraceView::paint_block(QPainter& painter, const Block& block, double y) const {
  const Theme& colours = theme();
  const bool current = block.step >= 0 && block.step == document_->cursor().step;
  const double left = text_left();
  if (block.captioned) {
    painter.setFont(small_font());
    painter.setPen(colours.quiet);
    painter.drawText(QRectF(left, y, text_width(), caption - 4), Qt::AlignLeft | Qt::AlignBottom, title_of(block.kind));
    y += caption;
  }
  const double height = block.height - (block.captioned ? caption : 0);
  if (current) {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(colours.paper);
    painter.drawRoundedRect(QRectF(left - side + 4, y, text_width() + 2 * side - 8, height), 4, 4);
    painter.setBrush(colours.accent);
    painter.drawRoundedRect(QRectF(left - side + 4, y, 3, height), 1.5, 1.5);
    painter.restore();
  }
  const QColor ground = current ? colours.paper : colours.ground;
  TokenParagraph::Look look;
  look.ink = current || block.kind == StepKind::answer ? colours.text : colours.secondary;
  if (shading_.shade != Shade::nothing) {
    look.ink = colours.text;
    look.tint = [this, ground](int token) {
      const QColor tint = shading_.tint(token, ground);
      return tint == ground ? QColor() : tint;
    };
  }
  look.chosen = {document_->chosen().begin, document_->chosen().end};
  look.chosen_colour = colours.accent_soft;
  look.outlined = current ? document_->cursor().token : -1;
  look.outline = colours.accent;
  if (found_block_ >= 0 && blocks_[found_block_].get() == &block) {
    look.found = {found_at_, found_at_ + static_cast<int>(sought_.size())};
    look.found_colour = colours.accent_soft;
  }
  if (folded(block.step)) look.most_lines = 1;
  block.paragraph.paint(painter, {left, y + pad}, look);
  if (folded(block.step) && block.paragraph.lines() > 1) {
    painter.setFont(small_font());
    painter.setPen(colours.quiet);
    painter.drawText(QRectF(left, y, text_width() + side - 10, height), Qt::AlignRight | Qt::AlignVCenter,
                     tr("… %1 more lines").arg(block.paragraph.lines() - 1));
  }
  paint_gutter(painter, block, y);
}

void TraceView::paint_gutter(QPainter& painter, const Block& block, double y) const {
  if (block.step < 0) return;
  const Theme& colours = theme();
  const bool current = block.step == document_->cursor().step;
  const double right = text_left() - side - 8, middle = y + pad + line_height() / 2;
  QFont font = number_font();
  font.setPixelSize(11);
  font.setBold(current);
  painter.setFont(font);
  painter.setPen(current ? colours.text : colours.quiet);
  painter.drawText(QRectF(right - 60, middle - 10, 46, 20), Qt::AlignRight | Qt::AlignVCenter,
                   QString::number(block.step));
  const Trace* trace = document_->trace();
  if (trace && block.step < static_cast<int>(trace->steps.size())) {
    draw_step_mark(painter, {right - 5, middle}, trace->steps[block.step]);
  }
  const InfluenceTable* table = document_->table();
  const int row = table ? row_of_step(*table, block.step) : -1;
  if (row < 0) return;
  const auto& magnitudes = document_->magnitudes();
  const double largest = *std::max_element(magnitudes.begin(), magnitudes.end());
  if (!(largest > 0)) return;
  const double full = 34, length = std::max(1.0, full * magnitudes[row] / largest);
  painter.fillRect(QRectF(right - full, middle + 9, full, 3), colours.line);
  painter.fillRect(QRectF(right - full, middle + 9, length, 3), current ? colours.accent : colours.quiet);
}

const TraceView::Block* TraceView::block_at(double y) const {
  for (const auto& block : blocks_) {
    if (y >= block->top && y < block->top + block->height + between) return block.get();
  }
  return nullptr;
}

const TraceView::Block* TraceView::block_of_token(int token) const {
  for (const auto& block : blocks_) {
    if (token >= block->begin && token < block->end) return block.get();
  }
  return nullptr;
}

int TraceView::token_at(const QPoint& point) const {
  const double y = point.y() + verticalScrollBar()->value();
  const Block* block = block_at(y);
  if (!block) return -1;
  const double top = block->top + (block->captioned ? caption : 0) + pad;
  if (folded(block->step) && y > top + line_height()) return -1;
  return block->paragraph.token_at({point.x() - text_left(), y - top});
}

QRectF TraceView::token_rectangle(const Block& block, int token) const {
  const double top = block.top - verticalScrollBar()->value() + (block.captioned ? caption : 0) + pad;
  return block.paragraph.rectangle(token).translated(text_left(), top);
}

void TraceView::hover(int token) {
  if (token == hovered_) return;
  hovered_ = token;
  if (token < 0) {
    hover_timer_.stop();
    alternatives_->hide();
  } else if (alternatives_->isVisible()) {
    hover_timer_.start(60);
  } else {
    hover_timer_.start(180);
  }
}

bool TraceView::viewportEvent(QEvent* event) {
  if (event->type() != QEvent::ToolTip) return QAbstractScrollArea::viewportEvent(event);
  const auto* help = static_cast<QHelpEvent*>(event);
  const Block* block = block_at(help->pos().y() + verticalScrollBar()->value());
  const Trace* trace = document_->trace();
  if (!block || block->step < 0 || !trace || help->pos().x() > text_left() - side) {
    QToolTip::hideText();
    return true;
  }
  const Step& step = trace->steps[block->step];
  QString words = tr("Step %1 · %2").arg(block->step).arg(title_of(step.kind));
  if (!step.label.empty()) words += " · " + title_of_label(step.label);
  if (step.kind != StepKind::prompt) words += tr("\n−log p of the step: %1 nats").arg(significant(trace->nats(step)));
  const InfluenceTable* table = document_->table();
  if (const int row = table ? row_of_step(*table, block->step) : -1; row >= 0) {
    words += tr("\nInfluence (root mean square of its documents' scores): %1 nats")
                 .arg(significant(document_->magnitudes()[row]));
  }
  QToolTip::showText(help->globalPos(), words, viewport());
  return true;
}

void TraceView::mouseMoveEvent(QMouseEvent* event) {
  const int token = token_at(event->pos());
  if (!(event->buttons() & Qt::LeftButton)) {
    hover(token);
  } else if (token >= 0 && (token != document_->cursor().token || !document_->chosen().empty())) {
    hover(-1);
    document_->extend(token);
  }
}

void TraceView::mouseReleaseEvent(QMouseEvent*) { place_ask_button(); }

// Under the end of what was chosen, where it covers none of it.
void TraceView::place_ask_button() {
  const ChosenTokens chosen = document_->chosen();
  const Block* block = chosen.empty() ? nullptr : block_of_token(chosen.end - 1);
  ask_->setVisible(block != nullptr);
  if (!block) return;
  ask_->adjustSize();
  const QRectF last = token_rectangle(*block, chosen.end - 1);
  const int most = viewport()->width() - ask_->width() - 8;
  int y = static_cast<int>(last.bottom()) + 4;
  if (y + ask_->height() > viewport()->height())
    y = static_cast<int>(token_rectangle(*block_of_token(chosen.begin), chosen.begin).top()) - ask_->height() - 4;
  ask_->move(std::clamp(static_cast<int>(last.right()) - ask_->width() / 2, 8, std::max(8, most)), y);
  ask_->raise();
}

void TraceView::mousePressEvent(QMouseEvent* event) {
  if (event->button() != Qt::LeftButton) return;
  const int token = token_at(event->pos());
  if (event->modifiers() & Qt::ShiftModifier) {
    document_->extend(token);
    return;
  }
  document_->choose({});
  const Block* block = block_at(event->pos().y() + verticalScrollBar()->value());
  if (token >= 0) {
    document_->set_token(token);
  } else if (block && block->step >= 0) {
    document_->set_step(block->step);
  }
}

void TraceView::mouseDoubleClickEvent(QMouseEvent*) { fold_step(); }
void TraceView::changeEvent(QEvent* event) {
  if (event->type() == QEvent::ActivationChange && !isActiveWindow()) hover(-1);
  QAbstractScrollArea::changeEvent(event);
}

void TraceView::leaveEvent(QEvent*) { hover(-1); }

void TraceView::scrollContentsBy(int, int) {
  hover(-1);
  if (ask_->isVisible()) place_ask_button();
  viewport()->update();
}

void TraceView::show_alternatives() {
  if (alternatives_->isVisible()) {
    hover(-1);
    return;
  }
  hovered_ = document_->cursor().token;
  if (hovered_ >= 0) hover_timer_.start(0);
}

void TraceView::move_token(int by) {
  const Trace* trace = document_->trace();
  const Step* step = document_->step();
  if (!trace || !step) return;
  const int start = document_->cursor().token;
  int token = start < 0 ? (by > 0 ? step->begin : step->end - 1) : start + by;
  while (token >= 0 && token < trace->size()) {
    const Block* block = block_of_token(token);
    if (!block || !block->paragraph.hidden(token)) break;
    token += by;
  }
  hover(-1);
  document_->choose({});
  if (token >= 0 && token < trace->size()) document_->set_token(token);
}

void TraceView::extend(int by) {
  const ChosenTokens chosen = document_->chosen();
  const int start = document_->cursor().token;
  if (start < 0) return move_token(by);
  const bool forwards = chosen.empty() || chosen.begin == start;  // the cursor stays where choosing began
  document_->extend((chosen.empty() ? start : forwards && chosen.end - 1 > start ? chosen.end - 1 : chosen.begin) + by);
  place_ask_button();
}

bool TraceView::find(const QString& text, bool backwards) {
  if (text != sought_) {
    sought_ = text;
    found_block_ = -1;
    found_at_ = -1;
  }
  const int count = static_cast<int>(blocks_.size());
  if (text.isEmpty() || count == 0) {
    viewport()->update();
    return false;
  }
  const int from = found_block_ < 0 ? 0 : found_block_;
  for (int i = 0; i <= count; ++i) {
    const int index = ((backwards ? from - i : from + i) % count + count) % count;
    const QString& letters = blocks_[index]->paragraph.run().text;
    const bool again = i == 0 && found_at_ >= 0;
    const qsizetype at =
        backwards ? letters.lastIndexOf(text, again ? found_at_ - 1 - letters.size() : -1, Qt::CaseInsensitive)
                  : letters.indexOf(text, again ? found_at_ + 1 : 0, Qt::CaseInsensitive);
    if (at < 0 || (backwards && again && found_at_ == 0)) continue;
    found_block_ = index;
    found_at_ = static_cast<int>(at);
    folded_.erase(blocks_[index]->step);
    lay_out();
    if (blocks_[index]->step >= 0) document_->set_step(blocks_[index]->step);
    show_step(true);
    viewport()->update();
    return true;
  }
  found_block_ = -1;
  viewport()->update();
  return false;
}

void TraceView::forget_find() {
  found_block_ = -1;
  sought_.clear();
  viewport()->update();
}

QRect TraceView::step_rectangle(int step) const {
  for (const auto& block : blocks_) {
    if (block->step == step) {
      return QRectF(0, block->top - verticalScrollBar()->value(), viewport()->width(), block->height).toRect();
    }
  }
  return {};
}

QPoint TraceView::token_place(int token) const {
  const Block* block = block_of_token(token);
  return block ? token_rectangle(*block, token).center().toPoint() : QPoint();
}

}  // namespace stemma

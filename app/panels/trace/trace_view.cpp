#include "app/panels/trace/trace_view.h"

#include <QScrollBar>
#include <algorithm>

#include "app/fonts.h"
#include "app/panels/panel_parts.h"
#include "app/panels/trace/alternatives_popup.h"
#include "app/theme.h"

namespace stemma {

namespace {
constexpr double gutter = 58;
constexpr int slice = 6;  // milliseconds of laying out at a time, so that a key finds the thread free
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
  connect(&hover_timer_, &QTimer::timeout, this, &TraceView::show_popup);
  connect(&rest_timer_, &QTimer::timeout, this, [this] {
    keeping_place([this] {
      if (!layout_.place_some(slice)) rest_timer_.stop();
    });
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
    layout_.clear();
    found_block_ = -1;
  }
  shown_trace_ = id;
  layout_.set_width(text_width());
  layout_.set_trace(trace, marks_);
  if (document_->is_live() && (at_end || !same)) {
    layout_.place_around(layout_.count() - 1, viewport()->height());
    refresh_range();
    verticalScrollBar()->setValue(verticalScrollBar()->maximum());
  } else {
    refresh_range();
    if (!same) verticalScrollBar()->setValue(0);
  }
  place_visible();
  rest_timer_.start(0);
  reshade();
}

void TraceView::refresh_range() {
  verticalScrollBar()->setPageStep(viewport()->height());
  verticalScrollBar()->setSingleStep(static_cast<int>(TraceLayout::line_height()));
  verticalScrollBar()->setRange(0, std::max(0, static_cast<int>(layout_.height()) - viewport()->height()));
}

void TraceView::place_visible() {
  const double top = verticalScrollBar()->value();
  layout_.place(top, top + viewport()->height());
  refresh_range();
  viewport()->update();
}

// The line at the top of the view stays there, whatever changes above it.
template <class Change>
void TraceView::keeping_place(Change change) {
  const int value = verticalScrollBar()->value(), first = layout_.at(value);
  const double share = first < 0 ? 0 : (value - layout_.block(first).top) / layout_.block(first).height;
  change();
  if (first >= 0) layout_.place(layout_.block(first).top, layout_.block(first).top + 1);
  refresh_range();
  if (first >= 0)
    verticalScrollBar()->setValue(
        static_cast<int>(std::lround(layout_.block(first).top + share * layout_.block(first).height)));
  place_visible();
}

void TraceView::resizeEvent(QResizeEvent*) {
  keeping_place([this] { layout_.set_width(text_width()); });
  rest_timer_.start(0);
}

void TraceView::set_attention(std::shared_ptr<const AttentionRow> row) {
  attention_ = std::move(row);
  if (shade() == Shade::attention) reshade();
}

void TraceView::reshade() {
  const Trace* trace = document_->trace();
  const Shade shade = shading_.shade;
  if (shade == Shade::attention)
    shading_ = trace && attention_ ? shade_attention(*attention_) : Shading{shade};
  else
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
  keeping_place([&] { layout_.set_folded(step, !layout_.folded(step)); });
  show_step(false);
}

void TraceView::show_step(bool all) {
  const int index = layout_.of_step(document_->cursor().step);
  if (index < 0 || document_->is_live()) return;
  keeping_place([&] { layout_.place_around(index, viewport()->height()); });
  const Block& block = layout_.block(index);
  double top = block.top, bottom = block.top + block.height;
  if (const int token = document_->cursor().token; !all && token >= 0 && index == layout_.of_token(token)) {
    const QRectF box = block.paragraph.rectangle(token);
    top += box.top();
    bottom = block.text_top() + box.bottom() + TraceLayout::pad;
  }
  const int value = verticalScrollBar()->value(), page = viewport()->height();
  const double margin = std::min(60.0, page / 6.0);
  if (top - margin < value || bottom - top > page) {
    verticalScrollBar()->setValue(static_cast<int>(top - margin));
  } else if (bottom + margin > value + page) {
    verticalScrollBar()->setValue(static_cast<int>(bottom + margin - page));
  }
}

// `y` in the viewport.
const TraceView::Block* TraceView::block_at(double y) const {
  const int index = layout_.at(y + verticalScrollBar()->value());
  return index < 0 ? nullptr : &layout_.block(index);
}

int TraceView::token_at(const QPoint& point) const {
  const Block* block = block_at(point.y());
  if (!block) return -1;
  const double y = point.y() + verticalScrollBar()->value() - block->text_top();
  if (layout_.folded(block->step) && y > TraceLayout::line_height()) return -1;
  return block->paragraph.token_at({point.x() - text_left(), y});
}

QRectF TraceView::token_rectangle(const Block& block, int token) const {
  return block.paragraph.rectangle(token).translated(text_left(), block.text_top() - verticalScrollBar()->value());
}

void TraceView::scrollContentsBy(int, int) {
  hover(-1);
  layout_.place(verticalScrollBar()->value(), verticalScrollBar()->value() + viewport()->height());
  if (ask_->isVisible()) place_ask_button();
  viewport()->update();
}

void TraceView::move_token(int by) {
  const Trace* trace = document_->trace();
  const Step* step = document_->step();
  if (!trace || !step) return;
  const int start = document_->cursor().token;
  int token = start < 0 ? (by > 0 ? step->begin : step->end - 1) : start + by;
  while (token >= 0 && token < trace->size()) {
    const int block = layout_.of_token(token);
    if (block < 0 || !layout_.block(block).paragraph.hidden(token)) break;
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
  const int count = layout_.count();
  if (text.isEmpty() || count == 0) {
    viewport()->update();
    return false;
  }
  const int from = found_block_ < 0 ? 0 : found_block_;
  for (int i = 0; i <= count; ++i) {
    const int index = ((backwards ? from - i : from + i) % count + count) % count;
    const QString& letters = layout_.block(index).paragraph.run().text;
    const bool again = i == 0 && found_at_ >= 0;
    const qsizetype at =
        backwards ? letters.lastIndexOf(text, again ? found_at_ - 1 - letters.size() : -1, Qt::CaseInsensitive)
                  : letters.indexOf(text, again ? found_at_ + 1 : 0, Qt::CaseInsensitive);
    if (at < 0 || (backwards && again && found_at_ == 0)) continue;
    found_block_ = index;
    found_at_ = static_cast<int>(at);
    const int step = layout_.block(index).step;
    keeping_place([&] { layout_.set_folded(step, false); });
    if (step >= 0) document_->set_step(step);
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
  const int index = layout_.of_step(step);
  if (index < 0) return {};
  const Block& block = layout_.block(index);
  return QRectF(0, block.top - verticalScrollBar()->value(), viewport()->width(), block.height).toRect();
}

QPoint TraceView::token_place(int token) const {
  const int index = layout_.of_token(token);
  return index < 0 ? QPoint() : token_rectangle(layout_.block(index), token).center().toPoint();
}

}  // namespace stemma

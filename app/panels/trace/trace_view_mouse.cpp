// What the pointer does in the trace: hovering says numbers, a click moves the cursor, dragging chooses tokens.
#include <QHelpEvent>
#include <QMouseEvent>
#include <QToolTip>
#include <algorithm>

#include "app/numbers.h"
#include "app/panels/trace/alternatives_popup.h"
#include "app/panels/trace/step_marks.h"
#include "app/panels/trace/trace_view.h"

namespace stemma {

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

void TraceView::show_popup() {
  const Trace* trace = document_->trace();
  const int index = layout_.of_token(hovered_);
  if (!trace || index < 0) return;
  const QRectF box = token_rectangle(layout_.block(index), hovered_);
  QString also;
  if (shade() == Shade::attention && attention_ && hovered_ <= attention_->token)
    also = tr("%1 % of what token %2 looks at")
               .arg(significant(100.0 * attention_->weights[static_cast<size_t>(hovered_)]))
               .arg(attention_->token);
  alternatives_->show_token(*trace, hovered_,
                            QRect(viewport()->mapToGlobal(box.topLeft().toPoint()), box.size().toSize()), also);
}

void TraceView::show_alternatives() {
  if (alternatives_->isVisible()) {
    hover(-1);
    return;
  }
  hovered_ = document_->cursor().token;
  if (hovered_ >= 0) hover_timer_.start(0);
}

bool TraceView::viewportEvent(QEvent* event) {
  if (event->type() != QEvent::ToolTip) return QAbstractScrollArea::viewportEvent(event);
  const auto* help = static_cast<QHelpEvent*>(event);
  const Block* block = block_at(help->pos().y());
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
  const int block = chosen.empty() ? -1 : layout_.of_token(chosen.end - 1);
  ask_->setVisible(block >= 0);
  if (block < 0) return;
  ask_->adjustSize();
  const QRectF last = token_rectangle(layout_.block(block), chosen.end - 1);
  const int most = viewport()->width() - ask_->width() - 8;
  int y = static_cast<int>(last.bottom()) + 4;
  if (y + ask_->height() > viewport()->height())
    y = static_cast<int>(token_rectangle(layout_.block(layout_.of_token(chosen.begin)), chosen.begin).top()) -
        ask_->height() - 4;
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
  const Block* block = block_at(event->pos().y());
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

}  // namespace stemma

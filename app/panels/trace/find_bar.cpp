#include "app/panels/trace/find_bar.h"

#include <QHBoxLayout>
#include <QKeyEvent>

#include "app/panels/panel_parts.h"
#include "app/panels/trace/trace_view.h"

namespace stemma {

FindBar::FindBar(OpenSession* document, TraceView* trace, QWidget* parent)
    : QWidget(parent), document_(document), trace_(trace) {
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(18, 4, 18, 4);
  what_ = label({}, Ink::quiet);
  what_->setWordWrap(false);
  field_ = new QLineEdit;
  field_->setMaximumWidth(280);
  field_->installEventFilter(this);
  outcome_ = label({}, Ink::secondary);
  outcome_->setWordWrap(false);
  row->addWidget(what_);
  row->addWidget(field_);
  row->addWidget(outcome_, 1);
  hide();
  connect(field_, &QLineEdit::textEdited, this, [this] {
    if (!step_) go(false);
  });
}

void FindBar::begin(bool step) {
  step_ = step;
  what_->setText(step ? tr("Go to step") : tr("Find"));
  field_->setAccessibleName(what_->text());
  field_->setPlaceholderText(step ? tr("number") : tr("words in this trace"));
  field_->clear();
  outcome_->clear();
  const Trace* trace = document_->trace();
  if (step && trace) outcome_->setText(tr("of %1").arg(static_cast<int>(trace->steps.size()) - 1));
  show();
  field_->setFocus();
}

void FindBar::ask_words() { begin(false); }
void FindBar::ask_step() { begin(true); }

void FindBar::go(bool backwards) {
  if (!step_) {
    const bool found = trace_->find(field_->text(), backwards);
    outcome_->setText(found || field_->text().isEmpty() ? QString() : tr("These words do not stand in this trace."));
    return;
  }
  bool is_number = false;
  const int step = field_->text().toInt(&is_number);
  const Trace* trace = document_->trace();
  if (!is_number || !trace || step < 0 || step >= static_cast<int>(trace->steps.size())) {
    outcome_->setText(tr("Steps run from 0 to %1.").arg(trace ? static_cast<int>(trace->steps.size()) - 1 : 0));
    return;
  }
  document_->set_step(step);
  close_bar();
}

void FindBar::close_bar() {
  hide();
  trace_->forget_find();
  trace_->setFocus();
}

bool FindBar::eventFilter(QObject* watched, QEvent* event) {
  if (watched == field_ && event->type() == QEvent::KeyPress) {
    const auto* key = static_cast<QKeyEvent*>(event);
    if (key->key() == Qt::Key_Escape) {
      close_bar();
      return true;
    }
    if (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter) {
      go(key->modifiers() & Qt::ShiftModifier);
      return true;
    }
  }
  return QWidget::eventFilter(watched, event);
}

}  // namespace stemma

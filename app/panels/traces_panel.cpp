#include "app/panels/traces_panel.h"

#include <QVBoxLayout>

#include "app/fonts.h"
#include "app/numbers.h"
#include "app/panels/panel_parts.h"
#include "app/panels/trace_lists.h"
#include "app/theme.h"

namespace stemma {

TracesPanel::TracesPanel(OpenSession* document, QWidget* parent) : QWidget(parent), document_(document) {
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  splitter_ = new QSplitter(Qt::Vertical);
  splitter_->setHandleWidth(1);
  splitter_->setChildrenCollapsible(false);
  const auto part = [this](QLabel*& title, QuietList*& list, const QString& name) {
    auto* widget = new QWidget;
    auto* column = new QVBoxLayout(widget);
    column->setContentsMargins(0, 8, 0, 4);
    column->setSpacing(4);
    title = caption_label(name);
    title->setContentsMargins(18, 0, 8, 0);
    list = new QuietList;
    list->setAccessibleName(name);
    column->addWidget(title);
    column->addWidget(list);
    splitter_->addWidget(widget);
  };
  part(traces_title_, traces_, tr("Traces"));
  part(steps_title_, steps_, tr("Steps"));
  layout->addWidget(splitter_);
  splitter_->setSizes({360, 340});

  auto* trace_model = new TraceListModel(document_, this);
  auto* step_model = new StepListModel(document_, this);
  traces_->setModel(trace_model);
  traces_->setItemDelegate(new TraceDelegate(this));
  steps_->setModel(step_model);
  steps_->setItemDelegate(new StepDelegate(document_, this));

  connect(document_, &OpenSession::session_changed, this, &TracesPanel::refresh_traces);
  connect(document_, &OpenSession::trace_changed, this, &TracesPanel::refresh_steps);
  connect(document_, &OpenSession::table_changed, this, [step_model] { step_model->repaint(); });
  connect(document_, &OpenSession::cursor_changed, this, &TracesPanel::follow_cursor);
  // Only a person's choice moves the cursor: programs move it themselves and the lists follow.
  connect(traces_, &QListView::clicked, this, [this](const QModelIndex& index) { document_->set_trace(index.row()); });
  connect(steps_, &QListView::clicked, this, [this](const QModelIndex& index) { document_->set_step(index.row()); });
  connect(traces_->selectionModel(), &QItemSelectionModel::currentChanged, this, [this](const QModelIndex& index) {
    if (traces_->hasFocus() && index.isValid()) document_->set_trace(index.row());
  });
  connect(steps_->selectionModel(), &QItemSelectionModel::currentChanged, this, [this](const QModelIndex& index) {
    if (steps_->hasFocus() && index.isValid()) document_->set_step(index.row());
  });
  setMinimumWidth(44);
}

void TracesPanel::refresh_traces() {
  static_cast<TraceListModel*>(traces_->model())->refresh();
  const auto session = document_->session();
  const auto number = session ? static_cast<int64_t>(session->traces.size()) : 0;
  traces_title_->setText(rail_ ? QString() : number > 0 ? counted(number, "trace", "traces") : tr("Traces"));
  follow_cursor();
}

void TracesPanel::refresh_steps() {
  static_cast<StepListModel*>(steps_->model())->refresh();
  const Trace* trace = document_->trace();
  const auto number = trace ? static_cast<int64_t>(trace->steps.size()) : 0;
  steps_title_->setText(rail_ ? QString() : number > 0 ? counted(number, "step", "steps") : tr("Steps"));
  follow_cursor();
}

void TracesPanel::follow_cursor() {
  const auto follow = [](QuietList* list, int row) {
    const QModelIndex index = list->model()->index(row, 0);
    if (row < 0 || !index.isValid()) {
      list->selectionModel()->clear();
      return;
    }
    list->selectionModel()->setCurrentIndex(index, QItemSelectionModel::ClearAndSelect);
    list->scrollTo(index);
  };
  follow(traces_, document_->is_live() ? -1 : document_->cursor().trace);
  follow(steps_, document_->cursor().step);
}

void TracesPanel::set_rail(bool rail) {
  rail_ = rail;
  static_cast<TraceDelegate*>(traces_->itemDelegate())->rail = rail;
  static_cast<StepDelegate*>(steps_->itemDelegate())->rail = rail;
  setFixedWidth(rail ? 50 : QWIDGETSIZE_MAX);
  setMinimumWidth(rail ? 50 : 200);
  setMaximumWidth(rail ? 50 : 420);
  refresh_traces();
  refresh_steps();
}

}  // namespace stemma

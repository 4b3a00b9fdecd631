#include "app/panels/drawer.h"

#include <QVBoxLayout>

#include "app/panels/panel_parts.h"
#include "app/theme.h"
#include "app/viewer_widget.h"

namespace stemma {

Drawer::Drawer(OpenSession* document, Jobs* jobs, QWidget* parent) : QWidget(parent), document_(document), jobs_(jobs) {
  setMinimumHeight(150);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  auto* row = new QHBoxLayout;
  row->setContentsMargins(12, 2, 14, 2);
  quantity_ = new QComboBox;
  quantity_->setFocusPolicy(Qt::TabFocus);
  quantity_->setAccessibleName(tr("What to show of the residual stream"));
  quantity_->addItem(tr("Norm of the residual stream"), static_cast<int>(ActivationQuantity::norm));
  quantity_->addItem(tr("Change by each layer"), static_cast<int>(ActivationQuantity::change));
  quantity_->addItem(tr("Cosine with the last layer"), static_cast<int>(ActivationQuantity::cosine));
  quantity_->setToolTip(tr("Which number of the residual stream each cell shows"));
  row->addWidget(quantity_);
  row->addSpacing(12);
  source_ = new ElidedLabel;
  source_->setAccessibleName(tr("Where the activations come from"));
  row->addWidget(source_, 1);
  recompute_ = quiet_button(tr("Compute again"), tr("Runs the model over this trace's tokens once more"));
  row->addWidget(recompute_);
  column->addLayout(row);
  // Made before the window is first shown: a GL child that comes later would make Qt close the window and open another.
  viewer_ = new ViewerWidget(this);
  viewer_->set_dark(theme().dark);
  column->addWidget(viewer_, 1);
  connect(viewer_, &ViewerWidget::cursor_chosen, document_, &OpenSession::set_layer_and_token);
  connect(&ThemeKeeper::instance(), &ThemeKeeper::changed, viewer_, [this] { viewer_->set_dark(theme().dark); });
  connect(document_, &OpenSession::activations_changed, this, [this] {
    viewer_->set_message(document_->activations_message());
    viewer_->show_activations(document_->activations());
    refresh_source();
    follow_cursor();
  });
  connect(jobs_, &Jobs::changed, this, &Drawer::refresh_source);
  connect(jobs_, &Jobs::progressed, this, &Drawer::refresh_source);
  connect(recompute_, &QPushButton::clicked, this,
          [this] { jobs_->running() == Jobs::Kind::recompute ? jobs_->cancel() : jobs_->recompute(); });
  connect(quantity_, &QComboBox::activated, this, &Drawer::read);
  connect(document_, &OpenSession::trace_changed, this, &Drawer::read);
  connect(document_, &OpenSession::cursor_changed, this, &Drawer::follow_cursor);
}

ActivationQuantity Drawer::quantity() const {
  return static_cast<ActivationQuantity>(quantity_->currentData().toInt());
}

void Drawer::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  if (stale_) read();
}

void Drawer::read() {
  stale_ = !isVisible();
  if (stale_) return;
  document_->read_activations(quantity());
}

void Drawer::refresh_source() {
  const bool computing = jobs_->running() == Jobs::Kind::recompute;
  const Progress& now = jobs_->progress();
  QString detail;
  source_->setText(!computing      ? document_->activations_source(&detail)
                   : now.total > 0 ? tr("Computing: %1 of %2 tokens").arg(now.done).arg(now.total)
                                   : QString::fromStdString(now.stage) + QStringLiteral("…"));
  source_->setToolTip(detail.isEmpty() ? source_->text() : detail);
  recompute_->setVisible(computing || document_->can_recompute());
  recompute_->setText(computing ? tr("Cancel") : tr("Compute again"));
  recompute_->setEnabled(computing ? !jobs_->stopping() : jobs_->running() == Jobs::Kind::none);
}

void Drawer::follow_cursor() {
  const Cursor& cursor = document_->cursor();
  const Step* step = document_->step();
  viewer_->set_cursor(cursor.layer, cursor.token >= 0 ? cursor.token : step ? step->begin : -1);
}

}  // namespace stemma

#include "app/panels/dock_title.h"

#include <QHBoxLayout>
#include <QPainter>

#include "app/fonts.h"
#include "app/theme.h"

namespace stemma {

DockTitle::DockTitle(QDockWidget* dock) : QWidget(dock), dock_(dock) {
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(0, 2, 6, 0);
  row->setSpacing(0);
  row->addStretch();
  const auto make = [&](const QString& sign, const QString& tip) {
    auto* made = new QToolButton;
    made->setText(sign);
    made->setFont(small_font());
    made->setToolTip(tip);
    made->setAccessibleName(tip);
    made->setFocusPolicy(Qt::NoFocus);
    QSizePolicy policy = made->sizePolicy();
    policy.setRetainSizeWhenHidden(true);
    made->setSizePolicy(policy);
    made->hide();
    row->addWidget(made);
    return made;
  };
  tear_ = make(QStringLiteral("⧉"), tr("Tear off, or put back"));
  close_ = make(QStringLiteral("✕"), tr("Close this panel"));
  connect(tear_, &QToolButton::clicked, dock_, [this] { dock_->setFloating(!dock_->isFloating()); });
  connect(close_, &QToolButton::clicked, dock_, &QDockWidget::close);
  setFixedHeight(24);
}

void DockTitle::enterEvent(QEnterEvent*) {
  tear_->show();
  close_->show();
}

void DockTitle::leaveEvent(QEvent*) {
  tear_->hide();
  close_->hide();
}

void DockTitle::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.fillRect(rect(), theme().side);
  QFont font = small_font();
  font.setWeight(QFont::DemiBold);
  painter.setFont(font);
  painter.setPen(theme().quiet);
  painter.drawText(rect().adjusted(18, 4, -60, 0), Qt::AlignVCenter | Qt::AlignLeft, dock_->windowTitle());
}

}  // namespace stemma

#include "app/panels/message_bar.h"

#include <QHBoxLayout>
#include <QPainter>

#include "app/panels/panel_parts.h"
#include "app/theme.h"

namespace stemma {

MessageBar::MessageBar(QWidget* parent) : QWidget(parent) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(16, 6, 8, 6);
  column->setSpacing(2);
  auto* row = new QHBoxLayout;
  row->setSpacing(8);
  text_ = label({}, Ink::text);
  text_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  more_ = quiet_button(tr("Details"));
  action_ = quiet_button({});
  close_ = new QToolButton;
  close_->setText(QStringLiteral("✕"));
  close_->setToolTip(tr("Dismiss this message"));
  close_->setAccessibleName(tr("Dismiss"));
  close_->setFocusPolicy(Qt::TabFocus);
  row->addWidget(text_, 1);
  row->addWidget(more_);
  row->addWidget(action_);
  row->addWidget(close_);
  column->addLayout(row);
  detail_ = label({}, Ink::secondary);
  detail_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  column->addWidget(detail_);
  connect(close_, &QToolButton::clicked, this, &QWidget::hide);
  connect(more_, &QPushButton::clicked, this, [this] { detail_->setVisible(!detail_->isVisible()); });
  connect(action_, &QPushButton::clicked, this, [this] {
    const auto act = message_.act;
    hide();
    if (act) act();
  });
  hide();
}

void MessageBar::show_message(const Message& message) {
  message_ = message;
  text_->setText(message.text);
  detail_->setText(message.detail);
  detail_->hide();
  more_->setVisible(!message.detail.isEmpty());
  action_->setText(message.action);
  action_->setVisible(!message.action.isEmpty());
  show();
  update();
}

void MessageBar::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.fillRect(rect(), is_error() ? theme().error : theme().note);
  painter.fillRect(QRect(0, 0, 3, height()), is_error() ? theme().opponent : theme().accent);
}

}  // namespace stemma

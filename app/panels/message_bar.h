// One sentence at a time, where the person is looking: a note or an error, its detail one click away.
#pragma once

#include <QLabel>
#include <QPushButton>
#include <QToolButton>
#include <QWidget>

#include "app/document.h"

namespace stemma {

class MessageBar : public QWidget {
  Q_OBJECT

 public:
  explicit MessageBar(QWidget* parent = nullptr);
  void show_message(const Message& message);
  QString text() const { return text_->text(); }
  bool is_error() const { return message_.kind == Message::error; }

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  Message message_;
  QLabel *text_, *detail_;
  QPushButton *more_, *action_;
  QToolButton* close_;
};

}  // namespace stemma

// A line above the trace: find words in it, or go to a step by its number.
#pragma once

#include <QLabel>
#include <QLineEdit>
#include <QWidget>

#include "app/document.h"

namespace stemma {

class TraceView;

class FindBar : public QWidget {
  Q_OBJECT

 public:
  FindBar(OpenSession* document, TraceView* trace, QWidget* parent = nullptr);
  void ask_words();
  void ask_step();
  QLineEdit* field() const { return field_; }

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void begin(bool step);
  void go(bool backwards);
  void close_bar();

  OpenSession* document_;
  TraceView* trace_;
  QLabel *what_, *outcome_;
  QLineEdit* field_;
  bool step_ = false;
};

}  // namespace stemma

// Left: the traces of the session, and below them the steps of the one that is open.
#pragma once

#include <QLabel>
#include <QSplitter>
#include <QWidget>

#include "app/document.h"
#include "app/panels/quiet_list.h"

namespace stemma {

class TracesPanel : public QWidget {
  Q_OBJECT

 public:
  explicit TracesPanel(OpenSession* document, QWidget* parent = nullptr);

  QuietList* traces() const { return traces_; }
  QuietList* steps() const { return steps_; }
  // Folded to a narrow rail: numbers and marks alone.
  void set_rail(bool rail);
  bool rail() const { return rail_; }
  QByteArray splitter_state() const { return splitter_->saveState(); }
  void restore_splitter(const QByteArray& state) { splitter_->restoreState(state); }

 private:
  void refresh_traces();
  void refresh_steps();
  void follow_cursor();

  OpenSession* document_;
  QSplitter* splitter_;
  QLabel *traces_title_, *steps_title_;
  QuietList *traces_, *steps_;
  bool rail_ = false;
};

}  // namespace stemma

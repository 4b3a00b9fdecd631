// Below: layers x tokens of the trace's activations, following the cursor, and whether they were recorded or
// recomputed. They are read when it is open.
#pragma once

#include <QComboBox>
#include <QLabel>
#include <QPushButton>
#include <QWidget>

#include "app/jobs.h"

namespace stemma {

class ViewerWidget;

class Drawer : public QWidget {
  Q_OBJECT

 public:
  explicit Drawer(OpenSession* document, Jobs* jobs, QWidget* parent = nullptr);
  ActivationQuantity quantity() const;
  QLabel* source() { return source_; }
  QPushButton* recompute_button() { return recompute_; }

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  void read();  // where it can be seen; else when it is shown
  void follow_cursor();
  void refresh_source();

  OpenSession* document_;
  Jobs* jobs_;
  QComboBox* quantity_;
  QLabel* source_;
  QPushButton* recompute_;  // becomes Cancel while it runs
  ViewerWidget* viewer_;
  bool stale_ = true;
};

}  // namespace stemma

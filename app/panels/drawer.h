// Below: layers x tokens of the trace's recorded activations, following the cursor. They are read when it is open.
#pragma once

#include <QComboBox>
#include <QLabel>
#include <QWidget>

#include "app/document.h"

namespace stemma {

class ViewerWidget;

class Drawer : public QWidget {
  Q_OBJECT

 public:
  explicit Drawer(OpenSession* document, QWidget* parent = nullptr);
  ActivationQuantity quantity() const;

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  void read();  // where it can be seen; else when it is shown
  void follow_cursor();

  OpenSession* document_;
  QComboBox* quantity_;
  ViewerWidget* viewer_;
  bool stale_ = true;
};

}  // namespace stemma

// The quiet title of a dock: its name, and on the right the buttons that tear it off or close it.
#pragma once

#include <QDockWidget>
#include <QToolButton>

namespace stemma {

class DockTitle : public QWidget {
 public:
  explicit DockTitle(QDockWidget* dock);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void enterEvent(QEnterEvent* event) override;
  void leaveEvent(QEvent* event) override;

 private:
  QDockWidget* dock_;
  QToolButton *tear_, *close_;
};

}  // namespace stemma

// A list that leaves the window's keys alone unless a person tabs into it.
#pragma once

#include <QKeyEvent>
#include <QListView>

namespace stemma {

class QuietList : public QListView {
 public:
  explicit QuietList(QWidget* parent = nullptr) : QListView(parent) {
    setFrameShape(QFrame::NoFrame);
    setFocusPolicy(Qt::TabFocus);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    setSelectionMode(QAbstractItemView::SingleSelection);
    setMouseTracking(true);
    setResizeMode(QListView::Adjust);
    viewport()->setAutoFillBackground(false);
  }

 protected:
  bool event(QEvent* event) override {
    if (event->type() == QEvent::ShortcutOverride) {
      const int key = static_cast<QKeyEvent*>(event)->key();
      if (key == Qt::Key_Up || key == Qt::Key_Down) event->accept();
    }
    return QListView::event(event);
  }
};

}  // namespace stemma

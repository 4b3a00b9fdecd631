// What the lists of traces and of steps hold, and how a row of each is drawn.
#pragma once

#include <QAbstractListModel>
#include <QStyledItemDelegate>

#include "app/document.h"

namespace stemma {

class TraceListModel : public QAbstractListModel {
 public:
  TraceListModel(OpenSession* document, QObject* parent) : QAbstractListModel(parent), document_(document) {}
  void refresh();
  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

 private:
  OpenSession* document_;
  std::shared_ptr<const Session> session_;
};

class StepListModel : public QAbstractListModel {
 public:
  StepListModel(OpenSession* document, QObject* parent) : QAbstractListModel(parent), document_(document) {}
  void refresh();
  void repaint();
  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

 private:
  OpenSession* document_;
  int steps_ = 0;
};

// First words; below them the answer and the length.
class TraceDelegate : public QStyledItemDelegate {
 public:
  explicit TraceDelegate(QObject* parent) : QStyledItemDelegate(parent) {}
  bool rail = false;
  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

// Number, mark, first words, a bar of influence.
class StepDelegate : public QStyledItemDelegate {
 public:
  StepDelegate(OpenSession* document, QObject* parent) : QStyledItemDelegate(parent), document_(document) {}
  bool rail = false;
  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;

 private:
  OpenSession* document_;
};

// The ground of a row: selected, under the pointer, or neither.
void paint_row(QPainter* painter, const QStyleOptionViewItem& option);

}  // namespace stemma

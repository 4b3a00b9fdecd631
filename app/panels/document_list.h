// The documents of a step, strongest first: proponents or opponents, of all sources or of one.
#pragma once

#include <QAbstractListModel>
#include <QStyledItemDelegate>
#include <vector>

#include "app/document.h"

namespace stemma {

class DocumentListModel : public QAbstractListModel {
 public:
  DocumentListModel(OpenSession* document, QObject* parent) : QAbstractListModel(parent), document_(document) {}
  // An empty source: all of them.
  void show(bool proponents, const QString& source);
  void refresh() { show(proponents_, source_); }
  bool proponents() const { return proponents_; }
  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

  int document_at(int row) const { return entries_.at(row).document; }  // index among those scanned
  int row_of(int document) const;                                       // -1: not in the list
  int rank_of(int row) const { return entries_.at(row).rank; }
  QStringList sources() const;                 // of the listed side, before the filter
  double largest() const { return largest_; }  // |score| that fills a bar; of both sides

 private:
  struct Entry {
    int document = 0, rank = 0;
  };
  OpenSession* document_;
  std::vector<Entry> entries_;
  bool proponents_ = true;
  QString source_;
  double largest_ = 0;
};

// Rank, source, a signed bar, the score; below them the document's words.
class DocumentDelegate : public QStyledItemDelegate {
 public:
  DocumentDelegate(OpenSession* document, DocumentListModel* model)
      : QStyledItemDelegate(model), document_(document), model_(model) {}
  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;

 private:
  OpenSession* document_;
  DocumentListModel* model_;
};

}  // namespace stemma

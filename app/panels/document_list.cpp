#include "app/panels/document_list.h"

#include <QPainter>
#include <algorithm>
#include <cmath>
#include <span>

#include "app/fonts.h"
#include "app/numbers.h"
#include "app/panels/trace/token_text.h"
#include "app/panels/trace_lists.h"
#include "app/theme.h"

namespace stemma {

namespace {
std::span<const int32_t> side(const InfluenceTable& table, int row, bool proponents) {
  const auto& all = proponents ? table.top_documents : table.bottom_documents;
  const size_t begin = static_cast<size_t>(row) * table.top;
  if (row < 0 || begin + table.top > all.size()) return {};
  return std::span(all).subspan(begin, table.top);
}

QString source_of(const InfluenceTable& table, int document) {
  return document >= 0 && document < static_cast<int>(table.document_sources.size())
             ? QString::fromStdString(table.document_sources[document])
             : QString();
}
}  // namespace

void DocumentListModel::show(bool proponents, const QString& source) {
  beginResetModel();
  proponents_ = proponents;
  source_ = source;
  entries_.clear();
  largest_ = 0;
  const InfluenceTable* table = document_->table();
  const int row = document_->row();
  if (table && row >= 0) {
    int rank = 0;
    for (const int32_t document : side(*table, row, proponents)) {
      ++rank;
      if (document < 0 || document >= table->documents) continue;
      // The strongest of a side may still be of the other sign: then it is no proponent, or no opponent.
      const float score = table->score(row, document);
      if (proponents ? !(score > 0) : !(score < 0)) continue;
      if (source.isEmpty() || source_of(*table, document) == source) entries_.push_back({document, rank});
    }
    for (const bool of : {true, false}) {
      for (const int32_t document : side(*table, row, of)) {
        if (document >= 0 && document < table->documents) {
          largest_ = std::max(largest_, std::fabs(static_cast<double>(table->score(row, document))));
        }
      }
    }
  }
  endResetModel();
}

int DocumentListModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(entries_.size());
}

int DocumentListModel::row_of(int document) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.document == document; });
  return found == entries_.end() ? -1 : static_cast<int>(found - entries_.begin());
}

QStringList DocumentListModel::sources() const {
  QStringList out;
  const InfluenceTable* table = document_->table();
  if (!table || document_->row() < 0) return out;
  for (const int32_t document : side(*table, document_->row(), proponents_)) {
    const QString source = source_of(*table, document);
    if (!source.isEmpty() && !out.contains(source)) out << source;
  }
  out.sort();
  return out;
}

QVariant DocumentListModel::data(const QModelIndex& index, int role) const {
  const InfluenceTable* table = document_->table();
  const int row = document_->row();
  if (!table || row < 0 || index.row() >= rowCount()) return {};
  const Entry& entry = entries_[index.row()];
  const ShownDocument* shown = table->find(entry.document);
  if (role == Qt::DisplayRole) return shown ? one_line(shown->text) : QString();
  if (role == Qt::UserRole) return table->score(row, entry.document);
  if (role == Qt::UserRole + 1) return source_of(*table, entry.document);
  if (role == Qt::ToolTipRole) {
    return QObject::tr("Rank %1 of %2 documents · %3 nats%4")
        .arg(count(entry.rank), count(table->documents), significant(table->score(row, entry.document), true),
             shown && !shown->name.empty() ? "\n" + QString::fromStdString(shown->name) : QString());
  }
  return {};
}

QSize DocumentDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const { return {100, 62}; }

void DocumentDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
  paint_row(painter, option);
  const Theme& colours = theme();
  const double score = index.data(Qt::UserRole).toDouble();
  const double largest = model_->largest();
  const QRect box = option.rect.adjusted(18, 6, -16, -6);
  painter->setFont(number_font());
  painter->setPen(colours.quiet);
  const QString rank = QString::number(model_->rank_of(index.row()));
  painter->drawText(QRect(box.left(), box.top(), 22, 16), Qt::AlignVCenter | Qt::AlignLeft, rank);
  const QString number = scale_for(largest).text(score, true);
  painter->setPen(colours.text);
  painter->drawText(QRect(box.right() - 60, box.top(), 60, 16), Qt::AlignVCenter | Qt::AlignRight, number);
  constexpr int bar = 84;
  const QRectF full(box.right() - 60 - 8 - bar, box.top() + 5, bar, 6);
  const double middle = full.center().x();
  painter->fillRect(QRectF(full.left(), full.center().y() - 0.5, bar, 1), colours.line);
  const double length = largest > 0 ? std::max(1.0, bar / 2.0 * std::fabs(score) / largest) : 0;
  painter->fillRect(QRectF(score >= 0 ? middle : middle - length, full.top(), length, full.height()),
                    score >= 0 ? colours.proponent : colours.opponent);
  painter->fillRect(QRectF(middle - 0.5, full.top() - 1, 1, full.height() + 2), colours.quiet);
  painter->setFont(small_font());
  painter->setPen(colours.secondary);
  const int words = static_cast<int>(full.left()) - box.left() - 22 - 8;
  painter->drawText(
      QRect(box.left() + 22, box.top(), words, 16), Qt::AlignVCenter | Qt::AlignLeft,
      QFontMetrics(small_font()).elidedText(index.data(Qt::UserRole + 1).toString(), Qt::ElideRight, words));
  QFont snippet = interface_font();
  snippet.setPixelSize(12);
  const QFontMetrics metrics(snippet);
  painter->setFont(snippet);
  painter->setPen(option.state & QStyle::State_Selected ? colours.text : colours.secondary);
  // Two lines: what fits into the first, broken at a word; the rest with an ellipsis.
  QString text = index.data().toString().left(400);
  qsizetype cut = text.size();
  while (cut > 0 && metrics.horizontalAdvance(text.left(cut)) > box.width()) {
    const qsizetype space = text.lastIndexOf(' ', cut - 1 - text.size());
    cut = space > 0 ? space : cut - 1;
  }
  const int first = box.top() + 19;
  painter->drawText(QRect(box.left(), first, box.width(), 16), Qt::AlignVCenter, text.left(cut));
  painter->drawText(QRect(box.left(), first + 16, box.width(), 16), Qt::AlignVCenter,
                    metrics.elidedText(text.mid(cut).trimmed(), Qt::ElideRight, box.width()));
}

}  // namespace stemma

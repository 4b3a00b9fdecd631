#include "app/panels/trace_lists.h"

#include <QPainter>
#include <algorithm>

#include "app/fonts.h"
#include "app/numbers.h"
#include "app/panels/trace/step_marks.h"
#include "app/panels/trace/token_text.h"
#include "app/shading.h"
#include "app/theme.h"

namespace stemma {

void paint_row(QPainter* painter, const QStyleOptionViewItem& option) {
  const bool selected = option.state & QStyle::State_Selected;
  if (!selected && !(option.state & QStyle::State_MouseOver)) return;
  painter->save();
  painter->setRenderHint(QPainter::Antialiasing);
  painter->setPen(Qt::NoPen);
  painter->setBrush(selected ? theme().paper : mixed(theme().side, theme().paper, 0.5));
  painter->drawRoundedRect(QRectF(option.rect).adjusted(6, 1, -6, -1), 4, 4);
  if (selected) {
    painter->setBrush(theme().accent);
    painter->drawRoundedRect(QRectF(option.rect.left() + 6, option.rect.top() + 1, 3, option.rect.height() - 2), 1.5,
                             1.5);
  }
  painter->restore();
}

void TraceListModel::refresh() {
  beginResetModel();
  session_ = document_->session();
  endResetModel();
}

int TraceListModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() || !session_ ? 0 : static_cast<int>(session_->traces.size());
}

QVariant TraceListModel::data(const QModelIndex& index, int role) const {
  if (!session_ || index.row() >= rowCount()) return {};
  const Trace& trace = session_->traces[index.row()];
  const QString answer = one_line(answer_of(trace));
  switch (role) {
    case Qt::DisplayRole:
      return one_line(trace.prompt.empty() ? trace.title : trace.prompt);
    case Qt::UserRole: {
      const bool attributed = session_->influence.lower_bound({trace.id, ""}) != session_->influence.end() &&
                              session_->influence.lower_bound({trace.id, ""})->first.first == trace.id;
      return QStringList{answer.isEmpty() ? QObject::tr(trace.completed ? "no answer" : "not finished") : answer,
                         counted(trace.size(), "token", "tokens"), attributed ? "yes" : "",
                         trace.expected.empty() ? "" : is_right(answer_of(trace), trace.expected) ? "right" : "wrong"};
    }
    case Qt::ToolTipRole:
      return QObject::tr("%1 · %2\nAnswer: %3%4\n%5 in %6%7")
          .arg(QString::fromStdString(trace.title), one_line(trace.prompt), answer.isEmpty() ? not_measured : answer,
               trace.expected.empty() ? QString()
                                      : QObject::tr(" · expected: %1").arg(QString::fromStdString(trace.expected)),
               counted(trace.size(), "token", "tokens"),
               counted(static_cast<int64_t>(trace.steps.size()), "step", "steps"),
               trace.completed ? QString()
                               : QObject::tr("\nNot finished: %1").arg(QString::fromStdString(trace.stop_reason)));
    default:
      return {};
  }
}

QSize TraceDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const { return {40, rail ? 30 : 46}; }

void TraceDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
  paint_row(painter, option);
  const Theme& colours = theme();
  const QStringList facts = index.data(Qt::UserRole).toStringList();
  if (facts.size() < 4) return;
  const QRect box = option.rect.adjusted(18, 5, -14, -5);
  if (rail) {
    painter->setFont(small_font());
    painter->setPen(option.state & QStyle::State_Selected ? colours.text : colours.quiet);
    painter->drawText(option.rect, Qt::AlignCenter, QString::number(index.row() + 1));
    return;
  }
  const QFontMetrics metrics(interface_font()), small(small_font());
  painter->setFont(interface_font());
  painter->setPen(colours.text);
  painter->drawText(box, Qt::AlignTop | Qt::AlignLeft,
                    metrics.elidedText(index.data().toString(), Qt::ElideRight, box.width()));
  painter->setFont(small_font());
  painter->setPen(colours.quiet);
  // The dot: its documents are known.
  const QString length = facts[1] + (facts[2].isEmpty() ? QString() : QStringLiteral(" ●"));
  painter->drawText(box, Qt::AlignBottom | Qt::AlignRight, length);
  QRect words = box;
  if (!facts[3].isEmpty()) {
    const bool right = facts[3] == "right";
    painter->setPen(right ? colours.secondary : colours.opponent);
    painter->drawText(box, Qt::AlignBottom | Qt::AlignLeft, right ? QStringLiteral("✓") : QStringLiteral("✗"));
    words.setLeft(box.left() + 14);
  }
  painter->setPen(colours.secondary);
  painter->drawText(words, Qt::AlignBottom | Qt::AlignLeft,
                    small.elidedText(facts[0], Qt::ElideRight, words.width() - small.horizontalAdvance(length) - 12));
}

void StepListModel::refresh() {
  const Trace* trace = document_->trace();
  const int count = trace ? static_cast<int>(trace->steps.size()) : 0;
  if (document_->is_live() && count >= steps_ && steps_ > 0) {
    if (count > steps_) {
      beginInsertRows({}, steps_, count - 1);
      steps_ = count;
      endInsertRows();
    }
    repaint();
    return;
  }
  beginResetModel();
  steps_ = count;
  endResetModel();
}

void StepListModel::repaint() {
  if (steps_ > 0) emit dataChanged(index(0), index(steps_ - 1));
}

int StepListModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : steps_; }

QVariant StepListModel::data(const QModelIndex& index, int role) const {
  const Trace* trace = document_->trace();
  if (!trace || index.row() >= static_cast<int>(trace->steps.size())) return {};
  const Step& step = trace->steps[index.row()];
  if (role == Qt::DisplayRole) return one_line(trace->step_text(step));
  if (role == Qt::ToolTipRole) {
    QString tip = QObject::tr("%1 · %2").arg(title_of(step.kind), counted(step.end - step.begin, "token", "tokens"));
    if (step.kind != StepKind::prompt) tip += QObject::tr(" · %1 nats").arg(significant(trace->nats(step)));
    if (!step.label.empty()) {
      tip += QObject::tr("\n%1 (labelled by: %2)")
                 .arg(title_of_label(step.label), QString::fromStdString(step.labelled_by));
    }
    return tip;
  }
  return {};
}

QSize StepDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const { return {40, 27}; }

void StepDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
  const Trace* trace = document_->trace();
  if (!trace || index.row() >= static_cast<int>(trace->steps.size())) return;
  paint_row(painter, option);
  const Theme& colours = theme();
  const bool selected = option.state & QStyle::State_Selected;
  const QRect box = option.rect;
  QFont numbers = number_font();
  numbers.setPixelSize(11);
  painter->setFont(numbers);
  painter->setPen(selected ? colours.text : colours.quiet);
  painter->drawText(QRect(box.left() + 8, box.top(), rail ? 18 : 24, box.height()), Qt::AlignVCenter | Qt::AlignRight,
                    QString::number(index.row()));
  draw_step_mark(*painter, {box.left() + (rail ? 34.0 : 43.0), box.center().y() + 0.5}, trace->steps[index.row()]);
  if (rail) return;
  constexpr int bar = 34;
  const QRect words(box.left() + 54, box.top(), box.width() - 54 - 14 - bar - 8, box.height());
  painter->setFont(interface_font());
  painter->setPen(selected ? colours.text : colours.secondary);
  painter->drawText(words, Qt::AlignVCenter,
                    QFontMetrics(interface_font()).elidedText(index.data().toString(), Qt::ElideRight, words.width()));
  const InfluenceTable* table = document_->table();
  const int row = table ? row_of_step(*table, index.row()) : -1;
  if (row < 0) return;
  const auto& magnitudes = document_->magnitudes();
  const double largest = *std::max_element(magnitudes.begin(), magnitudes.end());
  if (!(largest > 0)) return;
  const QRectF full(box.right() - 14 - bar, box.center().y() - 1, bar, 3);
  painter->fillRect(full, colours.line);
  painter->fillRect(QRectF(full.left(), full.top(), std::max(1.0, bar * magnitudes[row] / largest), 3),
                    selected ? colours.accent : colours.quiet);
}

}  // namespace stemma

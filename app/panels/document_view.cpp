#include "app/panels/document_view.h"

#include <QButtonGroup>
#include <QHelpEvent>
#include <QLabel>
#include <QPainter>
#include <QScrollBar>
#include <QToolButton>
#include <QToolTip>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "app/fonts.h"
#include "app/numbers.h"
#include "app/panels/panel_parts.h"
#include "app/theme.h"

namespace stemma {

DocumentText::DocumentText(QWidget* parent) : QAbstractScrollArea(parent) {
  setFrameShape(QFrame::NoFrame);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setFocusPolicy(Qt::NoFocus);
  viewport()->setAutoFillBackground(false);
}

void DocumentText::show_document(const ShownDocument* document, const Shading& shading, TokenPart part, bool marks) {
  filled_ = document != nullptr;
  shading_ = shading;
  part_ = part;
  // Tags are shown as written: much of a document's influence often stands on its <think>.
  if (document) paragraph_.set(token_run(document->text, document->token_offsets, 0, marks, true), text_font());
  lay_out();
  verticalScrollBar()->setValue(0);
}

void DocumentText::lay_out() {
  double height = 0;
  if (filled_) {
    height = paragraph_.layout(std::min(measure_width(), viewport()->width() - 34.0),
                               std::round(text_font().pixelSize() * text_line_height));
  }
  verticalScrollBar()->setPageStep(viewport()->height());
  verticalScrollBar()->setSingleStep(22);
  verticalScrollBar()->setRange(0, std::max(0, static_cast<int>(height) + 16 - viewport()->height()));
  viewport()->update();
}

void DocumentText::resizeEvent(QResizeEvent*) { lay_out(); }
void DocumentText::scrollContentsBy(int, int) { viewport()->update(); }

int DocumentText::token_at(const QPoint& point) const {
  return filled_ ? paragraph_.token_at({point.x() - 18.0, point.y() - 4.0 + verticalScrollBar()->value()}) : -1;
}

bool DocumentText::viewportEvent(QEvent* event) {
  if (event->type() == QEvent::ToolTip) {
    const auto* help = static_cast<QHelpEvent*>(event);
    const int token = token_at(help->pos());
    if (token >= 0 && token < static_cast<int>(shading_.values.size())) {
      const auto [begin, end] = paragraph_.run().ranges[token];
      const QString word = paragraph_.run().text.mid(begin, end - begin);
      QToolTip::showText(help->globalPos(),
                         (part_ == TokenPart::read ? tr("“%1”, read, adds %2 nats to this document's score")
                                                   : tr("“%1”, predicted, adds %2 nats to this document's score"))
                             .arg(word.trimmed().toHtmlEscaped(), significant(shading_.values[token], true)),
                         viewport());
    } else {
      QToolTip::hideText();
    }
    return true;
  }
  return QAbstractScrollArea::viewportEvent(event);
}

void DocumentText::paintEvent(QPaintEvent* event) {
  QPainter painter(viewport());
  painter.fillRect(event->rect(), theme().paper);
  if (!filled_) return;
  TokenParagraph::Look look;
  look.ink = theme().text;
  look.tint = [this](int token) {
    const QColor tint = shading_.tint(token, theme().paper);
    return tint == theme().paper ? QColor() : tint;
  };
  paragraph_.paint(painter, {18.0, 4.0 - verticalScrollBar()->value()}, look);
}

LayerBars::LayerBars(QWidget* parent) : QWidget(parent) { setFixedHeight(58); }

void LayerBars::show_layers(std::vector<float> values) {
  values_ = std::move(values);
  update();
}

void LayerBars::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  const Theme& colours = theme();
  if (values_.empty()) return;
  double largest = 0;
  for (const float value : values_) largest = std::max(largest, std::fabs(static_cast<double>(value)));
  const double left = 18, bottom = 14, room = width() - 2 * left;
  const double step = std::min(48.0, room / static_cast<double>(values_.size()));
  const double middle = (height() - bottom) / 2, half = middle - 4;
  painter.fillRect(QRectF(left, middle - 0.5, step * static_cast<double>(values_.size()), 1), colours.line);
  painter.setFont(small_font());
  const int every = step >= 20 ? 1 : static_cast<int>(std::ceil(24 / step));
  for (size_t i = 0; i < values_.size(); ++i) {
    const double value = values_[i], x = left + step * static_cast<double>(i);
    const double length = largest > 0 ? half * std::fabs(value) / largest : 0;
    painter.fillRect(QRectF(x + step * 0.2, value >= 0 ? middle - length : middle, step * 0.6, length),
                     value >= 0 ? colours.proponent : colours.opponent);
    painter.setPen(colours.quiet);
    if (i % every == 0) {
      painter.drawText(QRectF(x - 10, height() - bottom, step + 20, bottom), Qt::AlignHCenter | Qt::AlignBottom,
                       QString::number(i));
    }
  }
}

bool LayerBars::event(QEvent* event) {
  if (event->type() == QEvent::ToolTip && !values_.empty()) {
    const auto* help = static_cast<QHelpEvent*>(event);
    const double step = std::min(48.0, (width() - 36.0) / static_cast<double>(values_.size()));
    const int layer = static_cast<int>((help->pos().x() - 18) / step);
    if (layer >= 0 && layer < static_cast<int>(values_.size())) {
      QToolTip::showText(help->globalPos(), tr("Layer %1: %2 nats").arg(layer).arg(significant(values_[layer], true)),
                         this);
      return true;
    }
    QToolTip::hideText();
  }
  return QWidget::event(event);
}

DocumentView::DocumentView(OpenSession* document, QWidget* parent) : QWidget(parent), document_(document) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 10, 0, 6);
  column->setSpacing(4);
  title_ = new ElidedLabel;
  title_->setProperty("ink", "text");
  title_->setContentsMargins(18, 0, 14, 0);
  score_ = caption_label({});
  score_->setContentsMargins(18, 0, 14, 0);
  score_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
  parts_ = build_parts();
  legend_ = new Legend;
  legend_->setContentsMargins(18, 0, 0, 0);
  auto* legend_row = new QHBoxLayout;
  legend_row->setContentsMargins(18, 0, 14, 2);
  legend_row->addWidget(legend_);
  legend_row->addStretch();
  text_ = new DocumentText;
  foot_ = new QWidget;
  auto* foot = new QVBoxLayout(foot_);
  foot->setContentsMargins(0, 2, 0, 0);
  foot->setSpacing(0);
  auto* caption = caption_label(tr("Share of each layer"));
  caption->setContentsMargins(18, 0, 0, 0);
  caption->setToolTip(tr("What each layer of the model adds to this document's score; the layers add up to it."));
  layers_ = new LayerBars;
  foot->addWidget(caption);
  foot->addWidget(layers_);
  column->addWidget(title_);
  column->addWidget(score_);
  column->addWidget(parts_);
  column->addLayout(legend_row);
  column->addWidget(text_, 1);
  column->addWidget(foot_);
  connect(document_, &OpenSession::cursor_changed, this, &DocumentView::refresh);
  connect(document_, &OpenSession::table_changed, this, &DocumentView::refresh);
  refresh();
}

QWidget* DocumentView::build_parts() {
  auto* made = new QWidget;
  auto* row = new QHBoxLayout(made);
  row->setContentsMargins(18, 0, 14, 0);
  row->setSpacing(2);
  row->addWidget(caption_label(tr("Each token adds")));
  row->addSpacing(4);
  auto* parts = new QButtonGroup(this);
  const auto part = [&](const QString& text, TokenPart which) {
    auto* choice = new QToolButton;
    choice->setText(text);
    choice->setCheckable(true);
    choice->setFocusPolicy(Qt::TabFocus);
    parts->addButton(choice);
    row->addWidget(choice);
    connect(choice, &QToolButton::clicked, this, [this, which] { set_part(which); });
    return choice;
  };
  read_ = part(tr("as read"), TokenPart::read);
  predicted_ = part(tr("as predicted"), TokenPart::predicted);
  read_->setToolTip(
      tr("By gradient position: what each token adds through all that the model computes where it reads it. The last "
         "token is not read."));
  row->addStretch();
  return made;
}

void DocumentView::set_part(TokenPart part) {
  part_ = part;
  refresh();
}

void DocumentView::set_marks(bool shown) {
  marks_ = shown;
  refresh();
}

QString DocumentView::heading_text() const { return title_->text() + " " + score_->text(); }

void DocumentView::refresh() {
  const InfluenceTable* table = document_->table();
  const int row = document_->row(), index = document_->cursor().document;
  const ShownDocument* shown = table && row >= 0 && index >= 0 ? table->find(index) : nullptr;
  const bool both = shown && !shown->scores_of(TokenPart::predicted, row).empty();
  shown_part_ = both ? part_ : TokenPart::read;
  shading_ = shown ? shade_document(*shown, row, shown_part_) : Shading{};
  text_->show_document(shown, shading_, shown_part_, marks_);
  parts_->setVisible(!shading_.values.empty());
  part_button(shown_part_)->setChecked(true);
  predicted_->setEnabled(both);
  predicted_->setToolTip(
      both ? tr("As targets: what each token adds by how much likelier it becomes itself, given all before it, as "
                "weights move the way that this question asks for. Nothing predicts the first token.")
           : tr("Not in this session: an earlier version made it. Attribute again to see it."));
  legend_->show_shading(shading_, {}, false);
  legend_->setVisible(!shading_.values.empty());
  legend_->setToolTip(
      tr("What each token of the document adds to its score; the tokens add up to it. Blue made what was asked about "
         "more likely, red less."));
  std::vector<float> layers;
  if (shown && table->layers > 0 && shown->layer_scores.size() >= static_cast<size_t>(row + 1) * table->layers) {
    const auto begin = shown->layer_scores.begin() + static_cast<ptrdiff_t>(row) * table->layers;
    layers.assign(begin, begin + table->layers);
  }
  foot_->setVisible(!layers.empty());
  layers_->show_layers(std::move(layers));
  if (!shown) {
    title_->clear();
    score_->clear();
    return;
  }
  const float score = table->score(row, index);
  int64_t rank = 1;
  for (int document = 0; document < table->documents; ++document) {
    const float other = table->score(row, document);
    if (score >= 0 ? other > score : other < score) ++rank;
  }
  const QString name = QString::fromStdString(shown->name.empty() ? shown->id : shown->name);
  title_->setText(shown->source.empty() ? name : QString::fromStdString(shown->source) + " · " + name);
  title_->setToolTip(QString::fromStdString(shown->id));
  score_->setText(
      (score >= 0 ? tr("%1 nats · rank %2 of %3 documents") : tr("%1 nats · rank %2 from last of %3 documents"))
          .arg(significant(score, true), count(rank), count(std::max<int64_t>(table->documents, table->searched))));
  score_->setToolTip(
      tr("Influence of the document on what was asked about: nats of its log p gained if the document had weighed more "
         "in training."));
}

}  // namespace stemma

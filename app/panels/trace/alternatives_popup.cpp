#include "app/panels/trace/alternatives_popup.h"

#include <QGuiApplication>
#include <QPainter>
#include <QScreen>
#include <algorithm>
#include <cmath>

#include "app/fonts.h"
#include "app/numbers.h"
#include "app/panels/trace/token_text.h"
#include "app/theme.h"

namespace stemma {

namespace {
constexpr int row_height = 17, margin = 10, line = 18, popup_width = 276;

QString percent(double probability) {
  if (probability >= 0.9995) return QStringLiteral("≈100 %");
  return probability < 0.0001 ? QStringLiteral("<0.01 %") : significant(100 * probability) + " %";
}
}  // namespace

AlternativesPopup::AlternativesPopup(QWidget* parent) : QWidget(parent, Qt::ToolTip | Qt::FramelessWindowHint) {
  setAttribute(Qt::WA_ShowWithoutActivating);
  setAttribute(Qt::WA_TransparentForMouseEvents);
  setFocusPolicy(Qt::NoFocus);
}

int AlternativesPopup::head() const { return 50 + (also_.isEmpty() ? 0 : line); }

void AlternativesPopup::show_token(const Trace& trace, int token, const QRect& anchor, const QString& also) {
  rows_.clear();
  also_ = also;
  title_ = token_name(trace.token_text(token));
  const auto measured = [&](const std::vector<float>& values) {
    return token < static_cast<int>(values.size()) ? values[token] : std::nanf("");
  };
  const float logprob = measured(trace.logprob);
  chance_ = std::isnan(logprob) ? tr("Probability not measured")
                                : tr("%1 · log p %2 nats").arg(percent(std::exp(logprob)), significant(logprob, true));
  entropy_ =
      tr("Entropy %1 nats · token %2 of %3").arg(significant(measured(trace.entropy))).arg(token).arg(trace.size());
  for (int k = 0; k < trace.alternatives; ++k) {
    const size_t at = static_cast<size_t>(token) * trace.alternatives + k;
    if (at >= trace.top_ids.size() || trace.top_ids[at] < 0) break;
    const QString text =
        at < trace.top_texts.size() ? token_name(trace.top_texts[at]) : QString::number(trace.top_ids[at]);
    rows_.push_back({text, std::exp(trace.top_logprobs[at]), trace.top_ids[at] == trace.tokens[token]});
    if (rows_.size() == 20) break;
  }
  resize(popup_width, head() + margin + std::max<int>(1, static_cast<int>(rows_.size())) * row_height);
  const QScreen* screen = QGuiApplication::screenAt(anchor.center());
  if (!screen) screen = QGuiApplication::primaryScreen();
  const QRect room = screen->availableGeometry();
  QPoint at(anchor.left() - margin, anchor.bottom() + 4);
  if (at.y() + height() > room.bottom()) at.setY(anchor.top() - 4 - height());
  if (at.y() < room.top()) at = {anchor.right() + 12, std::max(room.top(), room.bottom() - height())};
  at.setX(std::clamp(at.x(), room.left(), std::max(room.left(), room.right() - width())));
  move(at);
  show();
  update();
}

void AlternativesPopup::paintEvent(QPaintEvent*) {
  const Theme& colours = theme();
  QPainter painter(this);
  painter.setPen(colours.line);
  painter.setBrush(colours.paper);
  painter.drawRect(QRectF(0.5, 0.5, width() - 1, height() - 1));
  QFont bold = number_font();
  bold.setBold(true);
  painter.setFont(bold);
  painter.setPen(colours.text);
  const QFontMetrics bold_metrics(bold);
  const int title_width = std::min(bold_metrics.horizontalAdvance(title_), 96);
  painter.drawText(QRect(margin, 8, 96, 16), Qt::AlignVCenter, bold_metrics.elidedText(title_, Qt::ElideRight, 96));
  painter.setFont(small_font());
  painter.drawText(QRect(margin + title_width + 10, 8, width() - margin - title_width - 16, 16), Qt::AlignVCenter,
                   chance_);
  painter.setPen(colours.quiet);
  painter.drawText(QRect(margin, 26, width() - 2 * margin, 16), Qt::AlignVCenter, entropy_);
  painter.setPen(colours.text);
  painter.drawText(QRect(margin, 26 + line, width() - 2 * margin, 16), Qt::AlignVCenter, also_);
  painter.setPen(colours.quiet);
  if (rows_.empty()) {
    painter.drawText(QRect(margin, head() - 2, width() - 2 * margin, row_height), Qt::AlignVCenter,
                     tr("No alternatives were recorded here."));
    return;
  }
  const QFontMetrics metrics(number_font());
  for (size_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    const int y = head() - 3 + static_cast<int>(i) * row_height;
    if (row.chosen) painter.fillRect(QRect(1, y, width() - 2, row_height), colours.accent_soft);
    painter.setFont(number_font());
    painter.setPen(row.chosen ? colours.text : colours.secondary);
    painter.drawText(QRect(margin, y, 110, row_height), Qt::AlignVCenter,
                     metrics.elidedText(row.text, Qt::ElideRight, 110));
    const int left = margin + 118, full = width() - left - 72;
    painter.fillRect(QRectF(left, y + 5, std::max(1.0, full * row.probability), row_height - 10),
                     mixed(colours.paper, colours.probability, 0.75));
    painter.drawText(QRect(width() - margin - 66, y, 66, row_height), Qt::AlignVCenter | Qt::AlignRight,
                     percent(row.probability));
  }
}

}  // namespace stemma

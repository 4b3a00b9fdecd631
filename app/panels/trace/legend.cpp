#include "app/panels/trace/legend.h"

#include <QPainter>

#include "app/fonts.h"
#include "app/numbers.h"
#include "app/theme.h"

namespace stemma {

namespace {
constexpr int ramp_width = 96, gap = 7;
}

Legend::Legend(QWidget* parent) : QWidget(parent) {
  setFont(small_font());
  setSizePolicy(QSizePolicy::Minimum, QSizePolicy::Fixed);
}

void Legend::show_shading(const Shading& shading, const QString& title, bool on_paper) {
  shading_ = shading;
  title_ = title;
  on_paper_ = on_paper;
  setVisible(shading.shade != Shade::nothing);
  setAccessibleName(title + " " + ends());
  setToolTip(definition_of(shading.shade));
  updateGeometry();
  update();
}

std::pair<QString, QString> Legend::end_labels() const {
  if (!(shading_.high > shading_.low)) return {not_measured, tr("not measured")};
  if (shading_.shade == Shade::attention)
    return {QStringLiteral("0"),
            (shading_.cut ? QStringLiteral("≥ ") : QString()) + significant(shading_.high) + QStringLiteral(" %")};
  const Scale scale = scale_for(shading_.high);
  const QString unit = (scale.power == 0 ? QString() : QStringLiteral("× ")) + scale.unit(shading_.unit);
  if (shading_.ramp == Ramp::signed_values) {
    return {scale.text(-shading_.high, true), scale.text(shading_.high, true) + " " + unit};
  }
  if (shading_.shade == Shade::logprob) {  // the values are -log p
    return {QStringLiteral("0"), scale.text(-shading_.high, true) + " " + unit};
  }
  return {scale.text(shading_.low), scale.text(shading_.high) + " " + unit};
}

QString Legend::ends() const {
  const auto [low, high] = end_labels();
  return tr("%1 to %2").arg(low, high);
}

QSize Legend::sizeHint() const {
  const QFontMetrics metrics(small_font());
  const auto [low, high] = end_labels();
  const int title = title_.isEmpty() ? 0 : metrics.horizontalAdvance(title_) + gap + 3;
  return {title + metrics.horizontalAdvance(low) + gap + ramp_width + gap + metrics.horizontalAdvance(high) + 4, 20};
}

void Legend::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  const QFontMetrics metrics(small_font());
  const auto [low, high] = end_labels();
  const QColor ground = on_paper_ ? theme().paper : theme().ground;
  const double baseline = (height() + metrics.ascent() - metrics.descent()) / 2.0;
  double x = 0;
  painter.setFont(small_font());
  painter.setPen(theme().quiet);
  if (!title_.isEmpty()) {
    painter.drawText(QPointF(x, baseline), title_);
    x += metrics.horizontalAdvance(title_) + gap + 3;
  }
  painter.setPen(theme().secondary);
  painter.drawText(QPointF(x, baseline), low);
  x += metrics.horizontalAdvance(low) + gap;
  const bool is_signed = shading_.ramp == Ramp::signed_values;
  for (int i = 0; i < ramp_width; ++i) {
    const double t = static_cast<double>(i) / (ramp_width - 1);
    painter.fillRect(QRectF(x + i, height() / 2.0 - 5, 1, 10),
                     ramp_tint(shading_.ramp, is_signed ? 2 * t - 1 : t, ground));
  }
  painter.setPen(theme().line);
  painter.setBrush(Qt::NoBrush);
  painter.drawRect(QRectF(x - 0.5, height() / 2.0 - 5.5, ramp_width + 1, 11));
  painter.setPen(theme().secondary);
  painter.drawText(QPointF(x + ramp_width + gap, baseline), high);
}

}  // namespace stemma

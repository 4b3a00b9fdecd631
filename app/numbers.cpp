#include "app/numbers.h"

#include <QLocale>
#include <cmath>

namespace stemma {

namespace {
const QLocale& english() {
  static const QLocale locale(QLocale::English, QLocale::UnitedStates);
  return locale;
}

QString superscript(int number) {
  static const QString digits = QStringLiteral("⁰¹²³⁴⁵⁶⁷⁸⁹");
  QString out = number < 0 ? QStringLiteral("⁻") : QString();
  for (const QChar c : QString::number(std::abs(number))) out += digits[c.digitValue()];
  return out;
}

QString signed_text(double value, bool sign, const QString& magnitude) {
  if (value < 0) return QStringLiteral("−") + magnitude;
  return sign && value > 0 ? QStringLiteral("+") + magnitude : magnitude;
}

// Three significant digits of a value whose decimal exponent is between -4 and 6.
QString plain(double magnitude) {
  if (magnitude == 0) return QStringLiteral("0");
  int exponent = static_cast<int>(std::floor(std::log10(magnitude)));
  const double unit = std::pow(10.0, exponent - 2);
  const double rounded = std::round(magnitude / unit) * unit;
  exponent = static_cast<int>(std::floor(std::log10(rounded) + 1e-12));
  return english().toString(rounded, 'f', std::max(0, 2 - exponent));
}
}  // namespace

QString significant(double value, bool sign) {
  if (std::isnan(value)) return not_measured;
  if (std::isinf(value)) return signed_text(value, sign, QStringLiteral("∞"));
  const double magnitude = std::fabs(value);
  if (magnitude == 0) return QStringLiteral("0");
  const int exponent = static_cast<int>(std::floor(std::log10(magnitude)));
  if (exponent >= -3 && exponent <= 5) return signed_text(value, sign, plain(magnitude));
  return signed_text(value, sign, plain(magnitude / std::pow(10.0, exponent))) + QStringLiteral(" × 10") +
         superscript(exponent);
}

QString count(int64_t number) { return english().toString(static_cast<qlonglong>(number)); }

QString counted(int64_t number, const QString& one, const QString& many) {
  return count(number) + QLatin1Char(' ') + (number == 1 ? one : many);
}

QString duration(double seconds) {
  if (std::isnan(seconds) || seconds < 0) return not_measured;
  if (seconds < 90) return QString::number(std::max(1.0, std::round(seconds))) + QStringLiteral(" s");
  if (seconds < 5400) return QString::number(std::round(seconds / 60)) + QStringLiteral(" min");
  return QString::number(seconds / 3600, 'f', 1) + QStringLiteral(" h");
}

Scale scale_for(double largest) {
  if (!(largest > 0) || std::isinf(largest)) return {};
  const int exponent = static_cast<int>(std::floor(std::log10(largest)));
  if (exponent >= -2 && exponent < 4) return {};
  return {static_cast<int>(std::floor(exponent / 3.0)) * 3};
}

QString Scale::text(double value, bool sign) const { return significant(value / std::pow(10.0, power), sign); }

QString Scale::unit(const QString& unit) const {
  return power == 0 ? unit : QStringLiteral("10") + superscript(power) + QLatin1Char(' ') + unit;
}

}  // namespace stemma

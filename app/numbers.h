// Numbers as a person reads them: three significant digits, signs, units, an en dash for what was not measured.
#pragma once

#include <QString>
#include <cstdint>

namespace stemma {

inline const QString not_measured = QStringLiteral("–");

// "0.834", "12.3", "1,230", "1.23 × 10⁻⁵"; with `sign`, "+12.3" and "−12.3". NaN: an en dash.
QString significant(double value, bool sign = false);
QString count(int64_t number);                                             // "22,000"
QString counted(int64_t number, const QString& one, const QString& many);  // "1 token", "22 tokens"
QString duration(double seconds);  // "40 s", "3 min", "2 h"; negative: an en dash

// One power of ten for a whole list, so that its numbers can be compared at sight.
struct Scale {
  int power = 0;                                        // a multiple of three
  QString text(double value, bool sign = false) const;  // value / 10^power, three significant digits
  QString unit(const QString& unit) const;              // "10⁻⁶ nats"
};
Scale scale_for(double largest);

}  // namespace stemma

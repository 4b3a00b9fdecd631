#include "app/fonts.h"

#include <QFontDatabase>
#include <QFontMetricsF>
#include <QStringList>

namespace stemma {

namespace {
QFont face(const QStringList& families, int pixels) {
  const QStringList present = QFontDatabase::families();
  QFont font;
  for (const QString& family : families) {
    if (present.contains(family)) {
      font.setFamily(family);
      break;
    }
  }
  font.setPixelSize(pixels);
  font.setHintingPreference(QFont::PreferVerticalHinting);
  return font;
}
}  // namespace

QFont text_font() {
  static const QFont font = face({"Source Serif 4", "Source Serif Pro", "Noto Serif", "DejaVu Serif"}, 15);
  return font;
}

QFont interface_font() {
  static const QFont font = face({"Inter", "Source Sans 3", "Noto Sans", "DejaVu Sans"}, 13);
  return font;
}

QFont small_font() {
  static const QFont font = [] {
    QFont small = interface_font();
    small.setPixelSize(11);
    return small;
  }();
  return font;
}

QFont number_font() {
  static const QFont font = face({"Source Code Pro", "Noto Sans Mono", "DejaVu Sans Mono"}, 12);
  return font;
}

double measure_width() {
  static const double width =
      QFontMetricsF(text_font())
          .horizontalAdvance("the line through the two points rises by two for every one to the right..") /
      73.0 * measure;
  return width;
}

}  // namespace stemma

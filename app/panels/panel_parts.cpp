#include "app/panels/panel_parts.h"

#include "app/fonts.h"
#include "app/theme.h"

namespace stemma {

namespace {
void follow_theme(QLabel* label, Ink ink) {
  const auto dye = [label, ink] {
    QPalette palette = label->palette();
    const Theme& t = theme();
    palette.setColor(QPalette::WindowText, ink == Ink::text ? t.text : ink == Ink::secondary ? t.secondary : t.quiet);
    label->setPalette(palette);
  };
  dye();
  QObject::connect(&ThemeKeeper::instance(), &ThemeKeeper::changed, label, dye);
}

QLabel* make(const QString& text, const QFont& font, Ink ink) {
  auto* label = new QLabel(text);
  label->setFont(font);
  label->setTextFormat(Qt::PlainText);  // words of models and corpora are never markup
  follow_theme(label, ink);
  return label;
}
}  // namespace

QLabel* caption_label(const QString& text) { return make(text, small_font(), Ink::quiet); }

QLabel* label(const QString& text, Ink ink) {
  QLabel* made = make(text, interface_font(), ink);
  made->setWordWrap(true);
  return made;
}

QLabel* heading(const QString& text) {
  QFont font = interface_font();
  font.setPixelSize(15);
  font.setWeight(QFont::DemiBold);
  return make(text, font, Ink::text);
}

QPushButton* button(const QString& verb, const QString& tip, bool main) {
  auto* made = new QPushButton(verb);
  made->setToolTip(tip);
  made->setProperty("main", main);
  made->setFocusPolicy(Qt::TabFocus);
  return made;
}

QPushButton* quiet_button(const QString& verb, const QString& tip) {
  QPushButton* made = button(verb, tip);
  made->setProperty("flat", true);
  made->setCursor(Qt::PointingHandCursor);
  return made;
}

}  // namespace stemma

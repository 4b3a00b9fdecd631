#include "app/panels/panel_parts.h"

#include <QDir>
#include <QFileInfo>
#include <QPainter>

#include "app/fonts.h"

namespace stemma {

namespace {
QLabel* make(const QString& text, const QFont& font, Ink ink) {
  auto* label = new QLabel(text);
  label->setFont(font);
  label->setTextFormat(Qt::PlainText);  // words of models and corpora are never markup
  label->setProperty("ink", ink == Ink::text        ? "text"
                            : ink == Ink::secondary ? "secondary"
                                                    : "quiet");  // see stemma.qss
  return label;
}
}  // namespace

ElidedLabel::ElidedLabel(QWidget* parent) : QLabel(parent) {
  setTextFormat(Qt::PlainText);
  setFont(interface_font());
  setProperty("ink", "secondary");
  setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
}

void ElidedLabel::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.setPen(palette().color(QPalette::WindowText));
  const QRect room = contentsRect();
  const QString line = fontMetrics().elidedText(text(), Qt::ElideRight, room.width());
  painter.drawText(room, static_cast<int>(alignment()), line);
}

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

QString model_title(const QString& folder) {
  const QFileInfo place(QDir::cleanPath(folder));
  const QString parent = place.dir().dirName();
  return place.fileName() == "model" && !parent.isEmpty() && parent != "." ? parent : place.fileName();
}

QPushButton* quiet_button(const QString& verb, const QString& tip) {
  QPushButton* made = button(verb, tip);
  made->setProperty("flat", true);
  made->setCursor(Qt::PointingHandCursor);
  return made;
}

}  // namespace stemma

// The few parts that every panel is made of.
#pragma once

#include <QLabel>
#include <QPushButton>
#include <QString>

namespace stemma {

enum class Ink { text, secondary, quiet };

// One line that ends in an ellipsis where there is no room; the whole of it is its tooltip.
class ElidedLabel : public QLabel {
 public:
  explicit ElidedLabel(QWidget* parent = nullptr);
  QSize minimumSizeHint() const override { return {40, QLabel::minimumSizeHint().height()}; }

 protected:
  void paintEvent(QPaintEvent* event) override;
};

// Labels that follow the theme.
QLabel* caption_label(const QString& text);  // small and quiet
QLabel* label(const QString& text, Ink ink = Ink::secondary);
QLabel* heading(const QString& text);  // the interface face, larger

QPushButton* button(const QString& verb, const QString& tip = {}, bool main = false);
QPushButton* quiet_button(const QString& verb, const QString& tip = {});

// The name of a model by its folder: the folder's own, or its parent's where it is only called "model".
QString model_title(const QString& folder);

}  // namespace stemma

// What a shading means: its name, the ramp, the numbers at its ends and their unit.
#pragma once

#include <QWidget>

#include "app/shading.h"

namespace stemma {

class Legend : public QWidget {
 public:
  explicit Legend(QWidget* parent = nullptr);
  // `ground` is what the tints lie on. `title` may be empty where it stands beside the legend already.
  void show_shading(const Shading& shading, const QString& title, bool on_paper);
  QSize sizeHint() const override;
  QString ends() const;  // "0 to 2.31 nats", for a screen reader and for tests

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  std::pair<QString, QString> end_labels() const;
  Shading shading_;
  QString title_;
  bool on_paper_ = false;
};

}  // namespace stemma

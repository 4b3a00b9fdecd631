// What else the model might have written: the likeliest tokens at one place, as a small table.
#pragma once

#include <QRect>
#include <QWidget>
#include <vector>

#include "runtime/trace/trace.h"

namespace stemma {

class AlternativesPopup : public QWidget {
 public:
  explicit AlternativesPopup(QWidget* parent);
  // Below `anchor` (global), or above it where there is no room.
  void show_token(const Trace& trace, int token, const QRect& anchor);

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  struct Row {
    QString text;
    double probability = 0;
    bool chosen = false;
  };
  std::vector<Row> rows_;
  QString title_, chance_, entropy_;
};

}  // namespace stemma

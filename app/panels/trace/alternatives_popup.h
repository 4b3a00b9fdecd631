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
  // `also`: one more line of facts, or empty.
  void show_token(const Trace& trace, int token, const QRect& anchor, const QString& also = {});

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  struct Row {
    QString text;
    double probability = 0;
    bool chosen = false;
  };
  std::vector<Row> rows_;
  int head() const;  // height above the table
  QString title_, chance_, entropy_, also_;
};

}  // namespace stemma

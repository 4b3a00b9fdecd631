// What is shown, as a figure for a paper: the step, the document, the activation map; SVG, PDF, PNG, or the numbers as
// CSV.
#pragma once

#include <QButtonGroup>
#include <QDialog>
#include <QLabel>
#include <QPushButton>
#include <memory>

#include "app/ask.h"
#include "app/document.h"
#include "app/figures/figure.h"
#include "runtime/trace/attention_row.h"

namespace stemma {

class ExportDialog : public QDialog {
  Q_OBJECT

 public:
  // As the window shows it: of activations, of a document's tokens, and what a token looks at (null: it shows none).
  ExportDialog(OpenSession* document, ActivationQuantity quantity, TokenPart part,
               std::shared_ptr<const AttentionRow> row, QWidget* parent);
  void choose(int which);  // 0 step, 1 document, 2 activations, 3 the row
  // Writes the chosen figure; the message bar says where, or why not.
  void write(const QString& path);

 private:
  void build_figure();
  void show_figure(std::shared_ptr<const Figure> figure);
  void save(const QString& suffix);

  OpenSession* document_;
  ActivationQuantity quantity_;
  TokenPart part_;
  std::shared_ptr<const AttentionRow> row_;
  std::shared_ptr<const Figure> figure_;
  QButtonGroup* which_;
  QLabel *preview_, *words_;
  QList<QPushButton*> formats_;
  Ask build_{this}, write_{this};
};

}  // namespace stemma

// What an attribution needs: a model, its corpus, how much of it, and by which method.
#pragma once

#include <QCheckBox>
#include <QComboBox>
#include <QDialog>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QRadioButton>

#include "app/jobs.h"

namespace stemma {

// What was chosen last for the model of the trace in hand; at first, a sample of the demo's corpus.
AttributeRequest usual_attribution(const OpenSession& document);
void remember_attribution(const AttributeRequest& request);

class AttributeDialog : public QDialog {
  Q_OBJECT

 public:
  AttributeDialog(const AttributeRequest& usual, QWidget* parent);
  AttributeRequest request() const;

 private:
  void refresh();

  QLineEdit *model_, *corpus_, *factors_;
  QRadioButton *sample_, *all_;
  QComboBox* method_;
  QCheckBox* all_traces_;
  QLabel* estimate_;
  QPushButton* go_;
  qint64 sample_size_;
};

}  // namespace stemma

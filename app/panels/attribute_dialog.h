// What an attribution needs: a model, its corpus and how much of it, or an index; by which method; and, where tokens
// were chosen, what to hold them against.
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
  // `asked`: the text of usual.span, where there is one.
  AttributeDialog(const AttributeRequest& usual, const QString& asked, QWidget* parent);
  AttributeRequest request() const;

 private:
  void refresh();

  AttributeRequest usual_;
  QLineEdit *model_, *corpus_, *index_, *factors_, *against_ = nullptr;
  QRadioButton *sample_, *all_;
  QComboBox* method_;
  QCheckBox *two_stages_, *all_traces_ = nullptr;  // where steps are asked about
  QLabel* estimate_;
  QPushButton* go_;
  qint64 sample_size_;
};

}  // namespace stemma

// Under the trace: write a prompt, run it, stop it.
#pragma once

#include <QCheckBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QWidget>

#include "app/jobs.h"

namespace stemma {

class RunPanel : public QWidget {
  Q_OBJECT

 public:
  RunPanel(OpenSession* document, Jobs* jobs, QWidget* parent = nullptr);

  QPlainTextEdit* prompt() const { return prompt_; }
  RunRequest request() const;
  void set_model(const QString& folder);
  void run();
  const QString& state() const { return state_; }  // of the run in hand, or empty

 signals:
  void state_changed();
  void left();  // Esc: back to the trace

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void refresh();
  void fit_prompt();

  OpenSession* document_;
  Jobs* jobs_;
  QPlainTextEdit* prompt_;
  QPushButton *run_, *options_button_, *model_;
  QWidget* options_;
  QDoubleSpinBox* temperature_;
  QSpinBox *seed_, *max_tokens_;
  QCheckBox* think_;
  QString state_;
  QString model_folder_;
};

}  // namespace stemma

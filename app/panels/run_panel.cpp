#include "app/panels/run_panel.h"

#include <QFileDialog>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QVBoxLayout>

#include "app/fonts.h"
#include "app/numbers.h"
#include "app/panels/panel_parts.h"
#include "app/settings.h"

namespace stemma {

RunPanel::RunPanel(OpenSession* document, Jobs* jobs, QWidget* parent)
    : QWidget(parent), document_(document), jobs_(jobs), model_folder_(Settings::model_folder()) {
  auto* outer = new QHBoxLayout(this);
  outer->setContentsMargins(18, 8, 18, 10);
  auto* inner = new QWidget;
  inner->setMaximumWidth(static_cast<int>(measure_width()) + 120);
  outer->addWidget(inner);
  auto* column = new QVBoxLayout(inner);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(6);
  auto* row = new QHBoxLayout;
  row->setSpacing(8);
  prompt_ = new QPlainTextEdit;
  prompt_->setPlaceholderText(tr("Write a prompt and press Enter"));
  prompt_->setAccessibleName(tr("Prompt"));
  prompt_->setToolTip(tr("Enter runs the prompt, Shift+Enter starts a new line, Esc goes back to the trace (P)"));
  prompt_->setTabChangesFocus(true);
  prompt_->setFont(interface_font());
  prompt_->setVerticalScrollBarPolicy(Qt::ScrollBarAsNeeded);
  prompt_->installEventFilter(this);
  run_ = button(tr("Run"), {}, true);
  options_button_ = quiet_button(tr("Options"), tr("Temperature, seed, length and model"));
  options_button_->setCheckable(true);
  row->addWidget(prompt_, 1);
  row->addWidget(options_button_);
  row->addWidget(run_);
  column->addLayout(row);

  options_ = new QWidget;
  auto* fields = new QHBoxLayout(options_);
  fields->setContentsMargins(0, 0, 0, 0);
  fields->setSpacing(6);
  think_ = new QCheckBox(tr("Think first"));
  think_->setChecked(true);
  think_->setToolTip(tr("Without it the model must answer at once, with an empty thought"));
  temperature_ = new QDoubleSpinBox;
  temperature_->setRange(0, 5);
  temperature_->setSingleStep(0.1);
  temperature_->setDecimals(2);
  temperature_->setToolTip(tr("0: always the likeliest token; higher: more varied"));
  seed_ = new QSpinBox;
  seed_->setRange(0, 1000000);
  seed_->setToolTip(tr("The same seed gives the same text"));
  max_tokens_ = new QSpinBox;
  max_tokens_->setRange(1, 32768);
  max_tokens_->setValue(256);
  max_tokens_->setToolTip(tr("The run ends after this many tokens"));
  model_ = quiet_button({}, {});
  const auto field = [&](const QString& name, QWidget* widget, int width) {
    auto* text = label(name, Ink::quiet);
    text->setWordWrap(false);
    widget->setFixedWidth(width);
    widget->setAccessibleName(name);
    fields->addWidget(text);
    fields->addWidget(widget);
    fields->addSpacing(4);
  };
  fields->addWidget(think_);
  fields->addSpacing(8);
  field(tr("Temperature"), temperature_, 58);
  field(tr("Seed"), seed_, 66);
  field(tr("Tokens"), max_tokens_, 66);
  fields->addStretch();
  fields->addWidget(model_);
  options_->hide();
  column->addWidget(options_);

  connect(options_button_, &QPushButton::toggled, options_, &QWidget::setVisible);
  connect(prompt_, &QPlainTextEdit::textChanged, this, [this] {
    fit_prompt();
    refresh();
  });
  connect(run_, &QPushButton::clicked, this, [this] {
    if (jobs_->running() == Jobs::Kind::run) {
      jobs_->cancel();
    } else {
      run();
    }
  });
  connect(model_, &QPushButton::clicked, this, [this] {
    const QString folder = QFileDialog::getExistingDirectory(this, tr("Choose a model folder"), model_folder_);
    if (!folder.isEmpty()) set_model(folder);
  });
  connect(jobs_, &Jobs::changed, this, &RunPanel::refresh);
  connect(jobs_, &Jobs::progressed, this, &RunPanel::refresh);
  connect(document_, &OpenSession::trace_changed, this, &RunPanel::refresh);
  set_model(model_folder_);
  fit_prompt();
}

void RunPanel::set_model(const QString& folder) {
  model_folder_ = folder;
  Settings::set_model_folder(folder);
  model_->setText(model_title(folder));
  model_->setToolTip(tr("The model that runs: %1. Choose another.").arg(folder));
  refresh();
}

RunRequest RunPanel::request() const {
  return {model_folder_,
          prompt_->toPlainText(),
          think_->isChecked(),
          temperature_->value(),
          static_cast<uint64_t>(seed_->value()),
          max_tokens_->value()};
}

void RunPanel::run() {
  if (prompt_->toPlainText().trimmed().isEmpty()) {
    prompt_->setFocus();
    return;
  }
  jobs_->run(request());
}

void RunPanel::refresh() {
  const bool running = jobs_->running() == Jobs::Kind::run;
  run_->setText(running ? tr("Stop") : tr("Run"));
  run_->setToolTip(running ? tr("Stop writing; what was written is kept") : tr("Run the prompt (Enter)"));
  run_->setEnabled(running ? !jobs_->stopping()
                           : jobs_->running() == Jobs::Kind::none && !prompt_->toPlainText().trimmed().isEmpty());
  QString state;
  if (running) {
    const Trace* live = document_->is_live() ? document_->trace() : nullptr;
    const int written = live ? live->size() - live->prompt_tokens : 0;
    state = jobs_->stopping() ? tr("Stopping…")
            : written > 0
                ? tr("Writing: %1 of at most %2").arg(counted(written, "token", "tokens"), count(max_tokens_->value()))
                : QString::fromStdString(jobs_->progress().stage) + "…";
  } else if (jobs_->running() == Jobs::Kind::attribute) {
    run_->setToolTip(tr("The model is busy with the attribution"));
  } else if (jobs_->running() == Jobs::Kind::recompute) {
    run_->setToolTip(tr("The model is busy computing activations again"));
  }
  if (state == state_) return;
  state_ = state;
  emit state_changed();
}

void RunPanel::fit_prompt() {
  const int lines = std::clamp(prompt_->document()->blockCount(), 1, 4);
  prompt_->setFixedHeight(QFontMetrics(interface_font()).lineSpacing() * lines + 20);
}

bool RunPanel::eventFilter(QObject* watched, QEvent* event) {
  if (watched == prompt_ && event->type() == QEvent::KeyPress) {
    const auto* key = static_cast<QKeyEvent*>(event);
    const bool enter = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
    if (enter && !(key->modifiers() & Qt::ShiftModifier)) {
      if (jobs_->running() == Jobs::Kind::none) run();
      return true;
    }
    if (key->key() == Qt::Key_Escape) {
      emit left();
      return true;
    }
  }
  return QWidget::eventFilter(watched, event);
}

}  // namespace stemma

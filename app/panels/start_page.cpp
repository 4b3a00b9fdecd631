#include "app/panels/start_page.h"

#include <QFileInfo>
#include <QHBoxLayout>

#include "app/panels/panel_parts.h"
#include "app/resources.h"
#include "app/settings.h"

namespace stemma {

StartPage::StartPage(QWidget* parent) : QWidget(parent) {
  auto* outer = new QHBoxLayout(this);
  auto* page = new QWidget;
  page->setMaximumWidth(460);
  auto* column = new QVBoxLayout(page);
  column->setSpacing(12);
  title_ = heading({});
  words_ = label({}, Ink::secondary);
  demo_ = button(tr("Open the demo"), tr("Ten traces of a small model, with every training document known"), true);
  auto* open = button(tr("Open a session…"), tr("Choose a session file (Ctrl+O)"));
  auto* prompt = button(tr("Run a prompt"), tr("Write a prompt for the model (P)"));
  auto* row = new QHBoxLayout;
  row->addWidget(demo_);
  row->addWidget(open);
  row->addWidget(prompt);
  row->addStretch();
  recent_part_ = new QWidget;
  recent_ = new QVBoxLayout(recent_part_);
  recent_->setContentsMargins(0, 12, 0, 0);
  recent_->setSpacing(2);
  column->addStretch(2);
  column->addWidget(title_);
  column->addWidget(words_);
  column->addLayout(row);
  column->addWidget(recent_part_);
  column->addStretch(3);
  outer->addStretch();
  outer->addWidget(page, 10);
  outer->addStretch();
  connect(demo_, &QPushButton::clicked, this,
          [this] { emit open_wanted(QString::fromStdString(demo_session().string())); });
  connect(open, &QPushButton::clicked, this, [this] { emit open_wanted({}); });
  connect(prompt, &QPushButton::clicked, this, &StartPage::prompt_wanted);
}

void StartPage::refresh(bool has_session) {
  title_->setText(has_session ? tr("This session has no traces yet") : tr("Nothing is open yet"));
  words_->setText(has_session
                      ? tr("Write a prompt below: what the model writes is kept here, step by step.")
                      : tr("Open the demo to step through a small model's reasoning with the training documents "
                           "behind every step, run a prompt of your own, or drop a session file here."));
  demo_->setVisible(std::filesystem::exists(demo_session()));
  while (QLayoutItem* item = recent_->takeAt(0)) {
    delete item->widget();
    delete item;
  }
  const QStringList paths = has_session ? QStringList() : Settings::recent().mid(0, 5);
  recent_part_->setVisible(!paths.isEmpty());
  if (!paths.isEmpty()) recent_->addWidget(caption_label(tr("Opened before")));
  for (const QString& path : paths) {
    auto* again = quiet_button(QFileInfo(path).fileName(), path);
    connect(again, &QPushButton::clicked, this, [this, path] { emit open_wanted(path); });
    recent_->addWidget(again, 0, Qt::AlignLeft);
  }
}

}  // namespace stemma

#include "app/panels/attribute_dialog.h"

#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QGridLayout>
#include <filesystem>

#include "app/numbers.h"
#include "app/panels/panel_parts.h"
#include "app/resources.h"
#include "app/settings.h"

namespace stemma {

AttributeRequest usual_attribution(const OpenSession& document) {
  AttributeRequest request;
  request.model = Settings::model_folder();
  if (const QString folder = document.model_folder(); QFileInfo(folder).isDir()) request.model = folder;
  request.corpus = Settings::corpus_paths();
  request.factors = QDir(request.model).filePath("factors.h5");
  request.sample = Settings::blob("attribute/all") == "1" ? 0 : 20000;
  request.gradient = Settings::blob("attribute/method") == "gradient";
  request.two_stages = Settings::blob("attribute/stages") == "2";
  const QStringList last = QString::fromUtf8(Settings::blob("attribute/index")).split('\n');  // of a model, its index
  request.index = last.size() == 2 && last[0] == request.model ? last[1] : QDir(request.model).filePath("index.h5");
  if (request.gradient || !QFileInfo(request.index).isFile()) request.index.clear();
  return request;
}

void remember_attribution(const AttributeRequest& request) {
  Settings::set_model_folder(request.model);
  Settings::set_corpus_paths(request.corpus);
  Settings::set_blob("attribute/all", request.sample == 0 ? "1" : "0");
  Settings::set_blob("attribute/method", request.gradient ? "gradient" : "ekfac");
  Settings::set_blob("attribute/stages", request.two_stages ? "2" : "1");
  Settings::set_blob("attribute/index", (request.model + '\n' + request.index).toUtf8());
}

AttributeDialog::AttributeDialog(const AttributeRequest& usual, const QString& asked, QWidget* parent)
    : QDialog(parent), usual_(usual), sample_size_(20000) {
  setWindowTitle(usual.span ? tr("Ask about tokens") : tr("Attribute"));
  auto* grid = new QGridLayout(this);
  grid->setContentsMargins(24, 20, 24, 20);
  grid->setVerticalSpacing(10);
  grid->setHorizontalSpacing(12);
  int row = 0;
  const auto path_row = [&](const QString& name, const QString& value, const QString& tip, auto choose) {
    auto* field = new QLineEdit(value);
    field->setAccessibleName(name);
    field->setToolTip(tip);
    field->setMinimumWidth(360);
    field->setCursorPosition(0);
    auto* pick = quiet_button(tr("Choose…"), tip);
    connect(pick, &QPushButton::clicked, this, [field, choose] {
      const QString chosen = choose(field->text());
      if (!chosen.isEmpty()) field->setText(chosen);
    });
    connect(field, &QLineEdit::textChanged, this, &AttributeDialog::refresh);
    auto* text = label(name);
    text->setWordWrap(false);
    grid->addWidget(text, row, 0);
    grid->addWidget(field, row, 1);
    grid->addWidget(pick, row++, 2);
    return field;
  };
  if (usual.span) {
    auto* quoted = new ElidedLabel;
    quoted->setText(tr("“%1”").arg(asked));
    grid->addWidget(label(tr("Tokens")), row, 0);
    grid->addWidget(quoted, row++, 1, 1, 2);
    against_ = new QLineEdit;
    against_->setAccessibleName(tr("Rather than"));
    against_->setPlaceholderText(tr("Another text in their place, or nothing"));
    against_->setToolTip(
        tr("Why these tokens rather than that text: documents that raised one above the other come first"));
    grid->addWidget(label(tr("Rather than")), row, 0);
    grid->addWidget(against_, row++, 1);
  }
  model_ = path_row(
      tr("Model"), usual.model, tr("The folder of the model that wrote the trace"),
      [this](const QString& now) { return QFileDialog::getExistingDirectory(this, tr("Choose a model folder"), now); });
  corpus_ = path_row(
      tr("Corpus"), usual.corpus.join("; "),
      tr("The model's training documents: files or folders, several parted by a semicolon"), [this](const QString&) {
        return QFileDialog::getOpenFileNames(this, tr("Choose the corpus"), {},
                                             tr("Documents (*.jsonl *.json *.gz *.zst *.txt);;All files (*)"))
            .join("; ");
      });
  index_ = path_row(tr("Index"), usual.index,
                    tr("A file made by `stemma index`, which answers without reading the corpus; none: the corpus is "
                       "scanned"),
                    [this](const QString& now) {
                      return QFileDialog::getOpenFileName(this, tr("Choose an index"), now, tr("Indexes (*.h5)"));
                    });
  index_->setPlaceholderText(tr("None: the corpus is scanned"));
  factors_ = path_row(
      tr("Factors"), usual.factors,
      tr("The model's curvature factors; where the file does not exist, they are computed first and kept there"),
      [this](const QString& now) {
        return QFileDialog::getSaveFileName(this, tr("Choose the factors file"), now, tr("Factors (*.h5)"), nullptr,
                                            QFileDialog::DontConfirmOverwrite);
      });
  sample_ = new QRadioButton(tr("A fixed sample of %1 documents").arg(count(sample_size_)));
  all_ = new QRadioButton(tr("All documents"));
  (usual.sample > 0 ? sample_ : all_)->setChecked(true);
  grid->addWidget(sample_, row++, 1);
  grid->addWidget(all_, row++, 1);
  method_ = new QComboBox;
  method_->addItem(tr("EK-FAC influence"));
  method_->addItem(tr("Gradient dot product, without curvature"));
  method_->setCurrentIndex(usual.gradient ? 1 : 0);
  grid->addWidget(label(tr("Method")), row, 0);
  grid->addWidget(method_, row++, 1, Qt::AlignLeft);
  two_stages_ = new QCheckBox(tr("In two stages: a quick pass, then the strongest 1,000 exactly"));
  two_stages_->setToolTip(
      tr("First every document by the strongest 32 directions of each question's gradient, then the first thousand of "
         "either side by all of it. Quicker where the corpus is large; nearly the same documents come first"));
  two_stages_->setChecked(usual.two_stages);
  grid->addWidget(two_stages_, row++, 1);
  if (!usual.span) {
    all_traces_ = new QCheckBox(tr("Every trace of the session that this model wrote, in one pass"));
    grid->addWidget(all_traces_, row++, 1);
  }
  estimate_ = label({}, Ink::quiet);
  grid->addWidget(estimate_, row++, 1);
  auto* buttons = new QHBoxLayout;
  buttons->setSpacing(8);
  buttons->addStretch();
  auto* back = button(tr("Back"), tr("Close without attributing"));
  go_ = button(usual.span ? tr("Ask") : tr("Attribute"), {}, true);
  go_->setDefault(true);
  buttons->addWidget(back);
  buttons->addWidget(go_);
  grid->addLayout(buttons, row, 0, 1, 3);
  connect(back, &QPushButton::clicked, this, &QDialog::reject);
  connect(go_, &QPushButton::clicked, this, &QDialog::accept);
  connect(sample_, &QRadioButton::toggled, this, &AttributeDialog::refresh);
  connect(method_, &QComboBox::currentIndexChanged, this, &AttributeDialog::refresh);
  connect(two_stages_, &QCheckBox::toggled, this, &AttributeDialog::refresh);
  refresh();
}

AttributeRequest AttributeDialog::request() const {
  AttributeRequest request = usual_;
  if (request.span) request.span->against = against_->text().toStdString();
  request.corpus.clear();
  request.index = method_->currentIndex() == 0 ? index_->text().trimmed() : QString();
  request.model = model_->text().trimmed();
  for (const QString& path : corpus_->text().split(';', Qt::SkipEmptyParts)) request.corpus << path.trimmed();
  request.factors = factors_->text().trimmed();
  request.sample = sample_->isChecked() ? sample_size_ : 0;
  request.gradient = method_->currentIndex() == 1;
  request.two_stages = two_stages_->isChecked();
  request.all_traces = all_traces_ && all_traces_->isChecked();
  return request;
}

void AttributeDialog::refresh() {
  const bool curved = method_->currentIndex() == 0, indexed = curved && !index_->text().trimmed().isEmpty();
  factors_->setEnabled(curved);
  index_->setEnabled(curved);
  for (QWidget* of_corpus : std::initializer_list<QWidget*>{corpus_, sample_, all_, two_stages_})
    of_corpus->setEnabled(!indexed);
  const bool fits = !curved || QFileInfo::exists(factors_->text());
  const double seconds = sample_->isChecked() && !two_stages_->isChecked() ? Jobs::estimate(sample_size_) : -1;
  QString words = seconds > 0 ? tr("About %1 on this machine, by the last time.").arg(duration(seconds))
                              : tr("How long it takes is known a few seconds after it begins.");
  if (!fits) words += " " + tr("The factors file does not exist: they are computed first.");
  if (indexed) words = tr("The index is searched; the strongest documents it finds are then scored exactly.");
  estimate_->setText(words);
  go_->setEnabled(!model_->text().trimmed().isEmpty() && (indexed || !corpus_->text().trimmed().isEmpty()));
}

}  // namespace stemma

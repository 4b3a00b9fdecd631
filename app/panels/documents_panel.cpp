#include "app/panels/documents_panel.h"

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QVBoxLayout>

#include "app/numbers.h"
#include "app/panels/panel_parts.h"
#include "app/panels/trace/step_marks.h"
#include "runtime/influence/tables/certainty.h"

namespace stemma {

namespace {
QString method_title(const std::string& method) {
  return method.starts_with("ekfac")      ? QStringLiteral("EK-FAC")
         : method.starts_with("gradient") ? QStringLiteral("Gradient dot product")
                                          : QString::fromStdString(method);
}

// What a table answers, and by which method.
QString question_title(const InfluenceTable& table) {
  QString about = table.asked ? DocumentsPanel::words_of(*table.asked) : QObject::tr("every step");
  about[0] = about[0].toUpper();
  return about + QStringLiteral(" · ") + method_title(table.method);
}

struct Fact {
  QString text, tip;
};
// How many documents speak for the row, and which of them were scored exactly.
Fact fact_of(const InfluenceTable& table, int row, bool so_far) {
  if (so_far)
    return {QObject::tr("Estimates of %1 documents. %2 of the strongest are scored exactly so far.")
                .arg(count(table.searched), count(table.documents - table.estimated)),
            QObject::tr("When few places change any more, the strongest stand here with their exact scores, tokens and "
                        "layers.")};
  if (!table.index_hash.empty())
    return {QObject::tr("The strongest %1 of %2 documents, found in an index and scored exactly.")
                .arg(count(table.documents), count(table.searched)),
            {}};
  if (const FirstStage& first = table.first_stage; first.rank > 0)
    return {QObject::tr("The strongest %1 of %2 documents, found by a first pass and scored exactly.")
                .arg(count(first.rescored), count(table.documents)),
            QObject::tr("The first pass scored each by %1 directions of the gradient, in %2. It had %3 % of the exact "
                        "first hundred among its own.")
                .arg(first.rank)
                .arg(QString::fromStdString(name_of(first.precision)), significant(100 * first.recall))};
  int64_t more = 0;
  for (int document = 0; document < table.documents; ++document) more += table.score(row, document) > 0;
  const QString what = table.asked && !table.asked->against.empty() ? QObject::tr("made them likelier than that text")
                       : table.asked                                ? QObject::tr("made them more likely")
                                                                    : QObject::tr("made this step more likely");
  return {QObject::tr("%1 of %2 documents %3.").arg(count(more), count(table.documents), what),
          table.corpus_documents <= table.documents
              ? QString()
              : QObject::tr("A sample of the corpus's %1 documents, scored by %2 on %3.")
                    .arg(count(table.corpus_documents), method_title(table.method),
                         QString::fromStdString(table.device))};
}
}  // namespace

// Tokens are counted from 0, as steps and as in the commands.
QString DocumentsPanel::words_of(const AskedSpan& span) {
  QString words = span.end - span.begin == 1 ? tr("token %1").arg(span.begin)
                                             : tr("tokens %1 to %2").arg(span.begin).arg(span.end - 1);
  if (!span.against.empty()) words += tr(" rather than “%1”").arg(QString::fromStdString(span.against));
  return words;
}

DocumentsPanel::DocumentsPanel(OpenSession* document, Jobs* jobs, QWidget* parent)
    : QWidget(parent), document_(document), jobs_(jobs) {
  setMinimumWidth(320);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  auto* head = new QVBoxLayout;
  head->setContentsMargins(18, 10, 14, 6);
  head->setSpacing(2);
  step_title_ = heading({});
  step_title_->setWordWrap(true);
  step_fact_ = label({}, Ink::secondary);
  note_ = label({}, Ink::text);
  note_->setContentsMargins(0, 4, 0, 0);
  head->addWidget(step_title_);
  head->addWidget(step_fact_);
  head->addWidget(note_);
  stop_ = quiet_button(tr("Cancel"), tr("Stop scoring; nothing is changed"));
  connect(stop_, &QPushButton::clicked, jobs_, &Jobs::cancel);
  head->addWidget(stop_, 0, Qt::AlignLeft);
  column->addLayout(head);
  pages_ = new QStackedWidget;
  model_ = new DocumentListModel(document_, this);
  view_ = new DocumentView(document_);
  splitter_ = new QSplitter(Qt::Vertical);
  splitter_->setHandleWidth(1);
  splitter_->setChildrenCollapsible(false);
  list_part_ = build_list();
  splitter_->addWidget(list_part_);
  splitter_->addWidget(view_);
  splitter_->setSizes({330, 370});
  empty_ = build_empty();
  work_ = splitter_;
  pages_->addWidget(work_);
  pages_->addWidget(empty_);
  column->addWidget(pages_, 1);

  connect(document_, &OpenSession::table_changed, this, &DocumentsPanel::refresh);
  connect(document_, &OpenSession::trace_changed, this, &DocumentsPanel::refresh);
  connect(document_, &OpenSession::cursor_changed, this, [this](const Cursor& now, const Cursor& before) {
    if (now.step != before.step || now.trace != before.trace) {
      refresh();
    } else if (now.document != before.document) {
      follow_cursor();
    }
  });
  connect(jobs_, &Jobs::changed, this, &DocumentsPanel::refresh);
  connect(jobs_, &Jobs::progressed, this, &DocumentsPanel::refresh_empty);
  refresh();
}

QWidget* DocumentsPanel::build_list() {
  auto* part = new QWidget;
  auto* column = new QVBoxLayout(part);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(2);
  auto* row = new QHBoxLayout;
  row->setContentsMargins(12, 0, 10, 0);
  row->setSpacing(2);
  auto* sides = new QButtonGroup(this);
  const auto side = [&](const QString& text, const QString& tip) {
    auto* made = new QToolButton;
    made->setText(text);
    made->setToolTip(tip);
    made->setCheckable(true);
    made->setFocusPolicy(Qt::TabFocus);
    sides->addButton(made);
    row->addWidget(made);
    return made;
  };
  proponents_ = side(tr("Proponents"), tr("Documents that made this step more likely, strongest first."));
  opponents_ = side(tr("Opponents"), tr("Documents that made this step less likely, strongest first."));
  proponents_->setChecked(true);
  sources_ = new QComboBox;
  sources_->setToolTip(tr("Show documents of one source"));
  sources_->setAccessibleName(tr("Source"));
  sources_->setFocusPolicy(Qt::TabFocus);
  sources_->setSizeAdjustPolicy(QComboBox::AdjustToContents);
  sources_->setMaximumWidth(130);
  methods_ = new QComboBox;
  methods_->setToolTip(tr("What was asked, and the method that made the scores"));
  methods_->setAccessibleName(tr("Question"));
  methods_->setFocusPolicy(Qt::TabFocus);
  methods_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  auto* questions = new QHBoxLayout;
  questions->setContentsMargins(12, 0, 10, 2);
  questions->addWidget(methods_);
  column->addLayout(questions);
  row->addStretch();
  row->addWidget(sources_);
  list_unit_ = caption_label({});
  list_unit_->setAlignment(Qt::AlignRight);
  list_unit_->setContentsMargins(18, 2, 16, 0);
  list_ = new QuietList;
  list_->setAccessibleName(tr("Documents of the step"));
  list_->setModel(model_);
  list_->setItemDelegate(new DocumentDelegate(document_, model_));
  list_->setUniformItemSizes(true);
  list_empty_ = label({}, Ink::quiet);
  list_empty_->setContentsMargins(18, 8, 16, 8);
  column->addLayout(row);
  column->addWidget(list_unit_);
  column->addWidget(list_empty_);
  column->addWidget(list_, 1);
  connect(proponents_, &QToolButton::clicked, this, [this] { show_side(true); });
  connect(opponents_, &QToolButton::clicked, this, [this] { show_side(false); });
  connect(sources_, &QComboBox::activated, this, [this] { refresh_list(); });
  connect(methods_, &QComboBox::activated, this,
          [this] { document_->set_method(methods_->currentData().toString().toStdString()); });
  connect(list_, &QListView::clicked, this,
          [this](const QModelIndex& index) { document_->set_document(model_->document_at(index.row())); });
  connect(list_, &QListView::doubleClicked, this, &DocumentsPanel::toggle_whole);
  connect(list_->selectionModel(), &QItemSelectionModel::currentChanged, this, [this](const QModelIndex& index) {
    if (list_->hasFocus() && index.isValid()) document_->set_document(model_->document_at(index.row()));
  });
  return part;
}

QWidget* DocumentsPanel::build_empty() {
  auto* page = new QWidget;
  auto* column = new QVBoxLayout(page);
  column->setContentsMargins(18, 20, 24, 18);
  column->setSpacing(10);
  empty_title_ = heading({});
  empty_text_ = label({}, Ink::secondary);
  stage_ = label({}, Ink::secondary);
  progress_ = new QProgressBar;
  progress_->setTextVisible(false);
  auto* row = new QHBoxLayout;
  attribute_ = button(tr("Attribute these steps"), tr("Find the training documents behind each step (Enter)"), true);
  options_ = quiet_button(tr("Options…"), tr("Choose the corpus, the sample and the method"));
  cancel_ = button(tr("Cancel"), tr("Stop the attribution; nothing is changed"));
  row->addWidget(attribute_);
  row->addWidget(cancel_);
  row->addWidget(options_);
  row->addStretch();
  column->addWidget(empty_title_);
  column->addWidget(empty_text_);
  column->addWidget(progress_);
  column->addWidget(stage_);
  column->addLayout(row);
  column->addStretch();
  connect(attribute_, &QPushButton::clicked, this, &DocumentsPanel::attribute_wanted);
  connect(options_, &QPushButton::clicked, this, &DocumentsPanel::attribute_options_wanted);
  connect(cancel_, &QPushButton::clicked, jobs_, &Jobs::cancel);
  return page;
}

void DocumentsPanel::refresh() {
  const Trace* trace = document_->trace();
  const Step* step = document_->step();
  const InfluenceTable* table = document_->table();
  const int row = document_->row();
  const bool attributing = jobs_->running() == Jobs::Kind::attribute;
  const auto asked = document_->asked();
  QString about = asked ? words_of(*asked) : QString();
  if (!about.isEmpty()) about[0] = about[0].toUpper();
  const bool contrast = asked && !asked->against.empty();
  step_title_->setText(
      !step ? tr("Documents")
      : asked && row >= 0
          ? tr("%1 · %2 nats").arg(about, significant(table->nats[row], contrast))
      : step->kind == StepKind::prompt ? tr("Step %1 · the prompt").arg(document_->cursor().step)
                                       : tr("Step %1 · %2 nats")
                                             .arg(document_->cursor().step)
                                             .arg(significant(row >= 0 ? table->nats[row] : trace->nats(*step))));
  step_title_->setVisible(step != nullptr);
  step_title_->setToolTip(contrast ? tr("−log p of the tokens less that of the other text, given all before them.")
                          : asked
                              ? tr("−log p of the tokens given all before them: how much the model had to decide here.")
                              : tr("−log p of the step given all before it: how much the model had to decide here."));
  const Fact fact = row >= 0 ? fact_of(*table, row, document_->is_so_far()) : Fact();
  step_fact_->setText(fact.text);
  step_fact_->setToolTip(fact.tip);
  step_fact_->setVisible(!fact.text.isEmpty());
  const bool certain = row >= 0 && all_but_certain(*table, row);
  note_->setText(
      tr("The model was all but certain of %1 (%2 nats), so its gradient is tiny and this ranking says little.")
          .arg(!asked                           ? tr("this step")
               : asked->end - asked->begin == 1 ? tr("this token")
                                                : tr("these tokens"),
               row >= 0 ? significant(table->nats[row]) : not_measured));
  note_->setVisible(certain);
  stop_->setVisible(attributing && document_->is_so_far());
  stop_->setEnabled(!jobs_->stopping());
  pages_->setCurrentWidget(row >= 0 && (!attributing || document_->is_so_far()) ? work_ : empty_);
  refresh_list();
  refresh_empty();
}

void DocumentsPanel::refresh_list() {
  if (document_->row() < 0) {
    model_->refresh();
    return;
  }
  const bool proponents = proponents_->isChecked();
  QString source = sources_->currentData().toString();
  model_->show(proponents, {});
  const QStringList sources = model_->sources();
  if (!sources.contains(source)) source.clear();
  sources_->clear();
  sources_->addItem(tr("All sources"), QString());
  for (const QString& name : sources) sources_->addItem(name, name);
  sources_->setCurrentIndex(std::max(0, sources_->findData(source)));
  methods_->clear();
  for (const InfluenceTable* table : document_->tables()) {
    methods_->addItem(question_title(*table), QString::fromStdString(table->method));
  }
  methods_->setCurrentIndex(methods_->findData(QString::fromStdString(document_->method())));
  methods_->setVisible(methods_->count() > 1);
  model_->show(proponents, source);
  const int rows = model_->rowCount();
  list_empty_->setText(document_->table()->top == 0
                           ? tr("Of these only the scores were kept (--top 0). Attribute again to see documents.")
                       : proponents ? tr("No document of the sample made this step more likely.")
                                    : tr("No document of the sample made this step less likely."));
  list_empty_->setVisible(rows == 0);
  list_unit_->setText(tr("in %1").arg(scale_for(model_->largest()).unit(tr("nats"))));
  list_unit_->setToolTip(tr("Nats of log p(step) per document. Positive: the document made the step more likely."));
  list_unit_->setVisible(rows > 0);
  const int chosen = document_->cursor().document;
  if (rows > 0 && model_->row_of(chosen) < 0) {
    document_->set_document(model_->document_at(0));
  }
  follow_cursor();
}

void DocumentsPanel::refresh_empty() {
  const Step* step = document_->step();
  const bool attributing = jobs_->running() == Jobs::Kind::attribute;
  const bool running = jobs_->running() == Jobs::Kind::run;
  const bool has_trace = document_->trace() != nullptr;
  const bool no_query = document_->table() && step && document_->row() < 0;
  if (attributing) {
    const Progress& now = jobs_->progress();
    empty_title_->setText(jobs_->stopping() ? tr("Stopping…") : tr("Looking for the documents"));
    empty_text_->setText(tr("Documents are scored against what was asked. You can go on reading."));
    progress_->setRange(0, now.total > 0 ? 1000 : 0);
    progress_->setValue(now.total > 0 ? static_cast<int>(1000 * now.done / now.total) : 0);
    QString words = QString::fromStdString(now.stage);
    if (!words.isEmpty()) words[0] = words[0].toUpper();
    if (now.total > 0)
      words += tr(" · %1 of %2").arg(count(static_cast<int64_t>(now.done)), count(static_cast<int64_t>(now.total)));
    if (now.seconds_left >= 0) words += tr(" · about %1 left").arg(duration(now.seconds_left));
    stage_->setText(words);
  } else if (running) {
    empty_title_->setText(tr("The model is writing"));
    empty_text_->setText(tr("When it is done, the documents behind each step can be found here."));
  } else if (no_query) {
    empty_title_->setText(tr("The prompt has no documents"));
    empty_text_->setText(
        tr("The prompt is yours: only what the model wrote can be traced to its training. Step on with J."));
  } else if (!has_trace) {
    empty_title_->setText(tr("Documents appear here"));
    empty_text_->setText(
        tr("Open a session or run a prompt; then the training documents behind each step stand beside it."));
  } else {
    const double seconds = Jobs::estimate(20000);
    empty_title_->setText(tr("No documents yet"));
    empty_text_->setText(
        tr("Attribute this trace to see which training documents made each step more or less likely%1.")
            .arg(seconds > 0 ? tr(": about %1 on this machine").arg(duration(seconds)) : QString()));
  }
  stage_->setVisible(attributing);
  progress_->setVisible(attributing);
  cancel_->setVisible(attributing);
  cancel_->setEnabled(!jobs_->stopping());
  const bool can = has_trace && !attributing && !running && !no_query;
  attribute_->setVisible(can);
  options_->setVisible(can);
}

void DocumentsPanel::follow_cursor() {
  const int row = model_->row_of(document_->cursor().document);
  if (row < 0) {
    list_->selectionModel()->clear();
    return;
  }
  const QModelIndex index = model_->index(row, 0);
  list_->selectionModel()->setCurrentIndex(index, QItemSelectionModel::ClearAndSelect);
  list_->scrollTo(index);
}

void DocumentsPanel::move_document(int by) {
  const int rows = model_->rowCount();
  if (rows == 0) return;
  const int row = model_->row_of(document_->cursor().document);
  document_->set_document(model_->document_at(std::clamp(row + by, 0, rows - 1)));
}

void DocumentsPanel::show_side(bool proponents) {
  (proponents ? proponents_ : opponents_)->setChecked(true);
  refresh_list();
}

void DocumentsPanel::toggle_whole() { list_part_->setVisible(!list_part_->isVisible()); }

}  // namespace stemma

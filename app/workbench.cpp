#include "app/workbench.h"

#include <QApplication>
#include <QCloseEvent>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QMimeData>
#include <QScreen>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "app/command_palette.h"
#include "app/fonts.h"
#include "app/numbers.h"
#include "app/panels/dock_title.h"
#include "app/panels/documents_panel.h"
#include "app/panels/drawer.h"
#include "app/panels/keys_help.h"
#include "app/panels/message_bar.h"
#include "app/panels/panel_parts.h"
#include "app/panels/run_panel.h"
#include "app/panels/start_page.h"
#include "app/panels/trace/find_bar.h"
#include "app/panels/trace/legend.h"
#include "app/panels/trace/trace_view.h"
#include "app/panels/traces_panel.h"
#include "app/settings.h"
#include "app/theme.h"
#include "app/token_attention.h"

namespace stemma {

Workbench::Workbench(bool remembers, QWidget* parent)
    : QMainWindow(parent),
      document_(new OpenSession(this)),
      jobs_(new Jobs(document_)),
      token_attention_(new TokenAttention(document_, jobs_)),
      remembers_(remembers) {
  setWindowTitle("Stemma");
  setAcceptDrops(true);
  setMinimumSize(960, 600);
  setDockOptions(AllowNestedDocks);
  setCorner(Qt::BottomLeftCorner, Qt::LeftDockWidgetArea);
  setCorner(Qt::BottomRightCorner, Qt::RightDockWidgetArea);
  build_middle();
  build_docks();
  build_actions();
  qApp->installEventFilter(this);

  connect(document_, &OpenSession::said, messages_, &MessageBar::show_message);
  connect(document_, &OpenSession::opening, messages_, &QWidget::hide);
  connect(document_, &OpenSession::save_as_wanted, this, &Workbench::save_file_as);
  connect(document_, &OpenSession::session_changed, this, &Workbench::refresh_middle);
  connect(document_, &OpenSession::trace_changed, this, &Workbench::refresh_middle);
  connect(document_, &OpenSession::cursor_changed, this, &Workbench::refresh_reading);
  connect(run_, &RunPanel::state_changed, this, &Workbench::refresh_reading);
  connect(run_, &RunPanel::left, this, [this] { trace_->setFocus(); });
  // What was chosen with the mouse is then read with the keys, wherever they went before.
  for (QuietList* list : {traces_->traces(), traces_->steps(), documents_->list()})
    connect(list, &QListView::clicked, this, [this] { trace_->setFocus(); });
  connect(trace_, &TraceView::shading_changed, this, &Workbench::show_shading);
  connect(token_attention_, &TokenAttention::changed, this, [this] {
    trace_->set_attention(token_attention_->row());
    refresh_reading();
  });
  connect(drawer_, &Drawer::token_attention_wanted, this, [this] { set_shade(Shade::attention); });
  connect(trace_, &TraceView::ask_wanted, this, &Workbench::ask_about_tokens);
  connect(document_, &OpenSession::chosen_changed, this, &Workbench::refresh_reading);
  connect(documents_, &DocumentsPanel::attribute_wanted, this, &Workbench::attribute_now);
  connect(documents_, &DocumentsPanel::attribute_options_wanted, this, &Workbench::choose_attribution);
  connect(start_, &StartPage::open_wanted, this,
          [this](const QString& path) { path.isEmpty() ? open_file() : document_->open(path); });
  connect(start_, &StartPage::prompt_wanted, this, [this] { run_->prompt()->setFocus(); });

  const QSize screen = this->screen()->availableGeometry().size();
  constexpr QSize frame(4, 36);  // about what a window manager adds
  lay_out(QSize(screen * 0.85).boundedTo({1920, 1200}).expandedTo({1280, 800}).boundedTo(screen - frame));
  if (remembers_) {
    restoreGeometry(Settings::window_geometry());
    restoreState(Settings::window_state());
    traces_->restore_splitter(Settings::blob("window/traces"));
    documents_->restore_splitter(Settings::blob("window/documents"));
    if (Settings::blob("window/tokens") == "predicted") documents_->view()->set_part(TokenPart::predicted);
    if (Settings::blob("window/rail") == "1") traces_->set_rail(true);
    set_shade(shades[std::clamp(Settings::blob("window/shade").toInt(), 0, static_cast<int>(std::size(shades)) - 1)]);
  }
  refresh_middle();
  trace_->setFocus();
}

void Workbench::lay_out(QSize size) {
  resize(size);
  const auto share = [&](double of, int least, int most) {
    return std::clamp(static_cast<int>(of * size.width()), least, most);
  };
  resizeDocks({left_, right_}, {share(0.15, 240, 340), share(0.25, 390, 560)}, Qt::Horizontal);
  resizeDocks({below_}, {std::clamp(size.height() / 4, 260, 400)}, Qt::Vertical);
}

Workbench::~Workbench() {
  qApp->removeEventFilter(this);
  delete token_attention_;  // these cancel before the document waits for its threads
  delete jobs_;
}

void Workbench::build_middle() {
  auto* centre = new QWidget;
  auto* column = new QVBoxLayout(centre);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  head_ = new QWidget;
  auto* row = new QHBoxLayout(head_);
  row->setContentsMargins(18, 6, 14, 6);
  row->setSpacing(8);
  title_ = new ElidedLabel;
  shade_ = new QComboBox;
  shade_->setAccessibleName(tr("Shade tokens by"));
  shade_->setFocusPolicy(Qt::TabFocus);
  for (const Shade shade : shades) shade_->addItem(title_of(shade), static_cast<int>(shade));
  legend_ = new Legend;
  row->addWidget(title_, 1);
  row->addWidget(legend_);
  row->addWidget(shade_);
  messages_ = new MessageBar;
  trace_ = new TraceView(document_);
  start_ = new StartPage;
  find_ = new FindBar(document_, trace_);
  middle_ = new QStackedWidget;
  middle_->addWidget(trace_);
  middle_->addWidget(start_);
  reading_ = caption_label({});
  reading_->setContentsMargins(18, 3, 18, 3);
  reading_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
  reading_->setAlignment(Qt::AlignCenter);
  reading_->setFixedHeight(20);  // always there, so that nothing jumps
  run_ = new RunPanel(document_, jobs_);
  column->addWidget(head_);
  column->addWidget(messages_);
  column->addWidget(find_);
  column->addWidget(middle_, 1);
  column->addWidget(reading_);
  column->addWidget(run_);
  setCentralWidget(centre);
  connect(shade_, &QComboBox::activated, this, [this](int index) { set_shade(shades[index]); });
}

QDockWidget* Workbench::dock(const QString& name, const QString& title, QWidget* content, Qt::DockWidgetArea area) {
  auto* made = new QDockWidget(title);
  made->setObjectName(name);
  made->setTitleBarWidget(new DockTitle(made));
  content->setProperty("side", true);
  content->setAttribute(Qt::WA_StyledBackground);
  made->setWidget(content);
  addDockWidget(area, made);
  return made;
}

void Workbench::build_docks() {
  traces_ = new TracesPanel(document_);
  documents_ = new DocumentsPanel(document_, jobs_);
  drawer_ = new Drawer(document_, jobs_, token_attention_);
  traces_->setMinimumWidth(200);
  left_ = dock("traces", tr("Session"), traces_, Qt::LeftDockWidgetArea);
  right_ = dock("documents", tr("Documents"), documents_, Qt::RightDockWidgetArea);
  below_ = dock("drawer", tr("Inside the model"), drawer_, Qt::BottomDockWidgetArea);
  below_->hide();
}

void Workbench::refresh_middle() {
  const Trace* trace = document_->trace();
  const bool appears = trace && middle_->currentWidget() != trace_;
  middle_->setCurrentWidget(trace ? static_cast<QWidget*>(trace_) : start_);
  head_->setVisible(trace != nullptr);
  if (appears && !run_->prompt()->hasFocus()) trace_->setFocus();  // else keys go to whatever Qt finds beside it
  start_->refresh(document_->has_session());
  if (const auto session = document_->session()) {
    const QString name = QFileInfo(QString::fromStdString(session->path.string())).fileName();
    setWindowTitle(tr("%1 – Stemma")
                       .arg(document_->is_demo() ? tr("Demo session")
                            : name.isEmpty()     ? tr("New session")
                                                 : name));
  }
  if (trace) {
    QString facts = counted(trace->size(), "token", "tokens");
    if (!document_->is_live() && document_->session()) {
      if (const QString folder = document_->model_folder(); !folder.isEmpty())
        facts = model_title(folder) + " · " + facts;
      facts +=
          trace->sampler.temperature > 0
              ? tr(" · temperature %1, seed %2").arg(significant(trace->sampler.temperature)).arg(trace->sampler.seed)
              : tr(" · likeliest tokens");
      if (!trace->completed) facts += tr(" · not finished (%1)").arg(QString::fromStdString(trace->stop_reason));
    }
    const QString name = QString::fromStdString(trace->title);
    if (!name.isEmpty() && !trace->prompt.starts_with(trace->title.substr(0, 20))) facts = name + " · " + facts;
    title_->setText(facts);
    title_->setToolTip(facts);
  }
  refresh_reading();
}

void Workbench::refresh_reading() {
  const Trace* trace = document_->trace();
  const int token = document_->cursor().token;
  QString text;
  if (const ChosenTokens chosen = document_->chosen(); trace && !chosen.empty()) {
    QString about = DocumentsPanel::words_of({chosen.begin, chosen.end, {}});
    about[0] = about[0].toUpper();
    text = tr("%1   −log p %2 nats   Q: the documents behind them")
               .arg(about, significant(trace->nats({chosen.begin, chosen.end})));
  } else if (trace && token_attention_->following()) {
    const QString words = token_attention_->words();
    text = !token_attention_->row() ? words
                                    : tr("What token %1 “%2” looks at   %3")
                                          .arg(token_attention_->row()->token)
                                          .arg(token_name(trace->token_text(token_attention_->row()->token)), words);
  } else if (trace && token >= 0 && token < trace->size()) {
    const auto measured = [&](const std::vector<float>& values) {
      return token < static_cast<int>(values.size()) ? values[token] : std::nanf("");
    };
    const float logprob = measured(trace->logprob);
    text = tr("Token %1 of %2  “%3”   p %4   log p %5 nats   entropy %6 nats   A: alternatives")
               .arg(token)
               .arg(trace->size())
               .arg(token_name(trace->token_text(token)), significant(std::exp(logprob)), significant(logprob, true),
                    significant(measured(trace->entropy)));
  }
  reading_->setText(text.isEmpty() ? run_->state() : text);
}

void Workbench::show_shading() {
  const Shading& shading = trace_->shading();
  shade_->setCurrentIndex(static_cast<int>(shading.shade));
  shade_->setToolTip(definition_of(shading.shade) + tr(" (T: the next)"));
  legend_->show_shading(shading, {}, false);
}

void Workbench::set_shade(Shade shade) {
  token_attention_->follow(shade == Shade::attention);
  trace_->set_shade(shade);
  refresh_reading();
}

void Workbench::set_drawer_open(bool open) { below_->setVisible(open); }

void Workbench::closeEvent(QCloseEvent* event) {
  if (remembers_) {
    Settings::set_window(saveGeometry(), saveState());
    Settings::set_blob("window/traces", traces_->splitter_state());
    Settings::set_blob("window/documents", documents_->splitter_state());
    Settings::set_blob("window/tokens", documents_->view()->part() == TokenPart::predicted ? "predicted" : "read");
    Settings::set_blob("window/rail", traces_->rail() ? "1" : "0");
    Settings::set_blob("window/shade", QByteArray::number(static_cast<int>(trace_->shade())));
  }
  jobs_->cancel();
  event->accept();
}

void Workbench::dragEnterEvent(QDragEnterEvent* event) {
  if (event->mimeData()->hasUrls()) event->acceptProposedAction();
}

void Workbench::dropEvent(QDropEvent* event) {
  const QList<QUrl> urls = event->mimeData()->urls();
  if (!urls.isEmpty() && urls.first().isLocalFile()) document_->open(urls.first().toLocalFile());
}

}  // namespace stemma

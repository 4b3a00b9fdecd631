// The menus of the window: every action, its key, and what it does.
#include <QAbstractButton>
#include <QAbstractSpinBox>
#include <QActionGroup>
#include <QApplication>
#include <QComboBox>
#include <QDesktopServices>
#include <QFileDialog>
#include <QFileInfo>
#include <QKeyEvent>
#include <QLineEdit>
#include <QMenuBar>
#include <QPlainTextEdit>
#include <algorithm>

#include "app/command_palette.h"
#include "app/panels/attribute_dialog.h"
#include "app/panels/documents_panel.h"
#include "app/panels/drawer.h"
#include "app/panels/export_dialog.h"
#include "app/panels/keys_help.h"
#include "app/panels/message_bar.h"
#include "app/panels/run_panel.h"
#include "app/panels/trace/find_bar.h"
#include "app/panels/trace/token_text.h"
#include "app/panels/trace/trace_view.h"
#include "app/panels/traces_panel.h"
#include "app/resources.h"
#include "app/settings.h"
#include "app/theme.h"
#include "app/token_attention.h"
#include "app/workbench.h"

namespace stemma {

QAction* Workbench::add(QMenu* menu, const char* name, const QString& text, const QList<QKeySequence>& keys,
                        const QString& tip, std::function<void()> act) {
  auto* made = new QAction(text, this);
  made->setObjectName(QLatin1String(name));
  made->setShortcuts(keys);
  made->setToolTip(tip);
  made->setStatusTip(tip);
  connect(made, &QAction::triggered, this, [act = std::move(act)] { act(); });
  menu->addAction(made);
  addAction(made);  // keys work in torn-off docks too
  made->setShortcutContext(Qt::ApplicationShortcut);
  return made;
}

QAction* Workbench::action(const QString& name) const { return findChild<QAction*>(name); }

void Workbench::build_actions() {
  menuBar()->setNativeMenuBar(false);
  build_file_menu();
  build_move_menu();
  build_work_menu();
  build_view_menu();
  QMenu* help = menuBar()->addMenu(tr("&Help"));
  add(help, "palette", tr("All actions…"), {QKeySequence("Ctrl+K")}, tr("Find any action by its name"), [this] {
    if (!palette_) palette_ = new CommandPalette(menuBar(), this);
    palette_->ask();
  });
  add(help, "keys", tr("Keys"), {QKeySequence("?"), QKeySequence("F1")}, tr("Show every key"), [this] {
    if (!keys_) keys_ = new KeysHelp(menuBar(), this);
    keys_->show();
    keys_->raise();
  });
}

void Workbench::build_file_menu() {
  QMenu* file = menuBar()->addMenu(tr("&File"));
  add(file, "open", tr("Open a session…"), {QKeySequence::Open}, tr("Choose a session file"), [this] { open_file(); });
  recent_ = file->addMenu(tr("Opened before"));
  connect(file, &QMenu::aboutToShow, this, &Workbench::refresh_recent);
  add(file, "demo", tr("Open the demo"), {}, tr("Traces of a small model, with every training document known"),
      [this] { document_->open(QString::fromStdString(demo_session().string())); });
  add(file, "new", tr("New session…"), {QKeySequence::New}, tr("Start an empty session"), [this] {
    QString path = QFileDialog::getSaveFileName(this, tr("New session"), "session.h5", tr("Sessions (*.h5)"));
    if (path.isEmpty()) return;
    if (QFileInfo(path).suffix().isEmpty()) path += ".h5";
    document_->start_empty(path);
  });
  add(file, "save_as", tr("Save as…"), {QKeySequence("Ctrl+Shift+S"), QKeySequence("Ctrl+S")},
      tr("Keep this session under another name"), [this] { save_file_as(); });
  file->addSeparator();
  add(file, "export", tr("Export a figure…"), {QKeySequence("E")}, tr("Write what is shown as SVG, PDF, PNG or CSV"),
      [this] { export_figure(); });
  file->addSeparator();
  add(file, "quit", tr("Quit"), {QKeySequence::Quit}, tr("Close the window"), [this] { close(); });
}

void Workbench::build_move_menu() {
  using Keys = QList<QKeySequence>;
  QMenu* move = menuBar()->addMenu(tr("&Move"));
  add(move, "next_step", tr("Next step"), Keys{QKeySequence("J"), QKeySequence(Qt::Key_Down)},
      tr("Go to the next step"), [this] { document_->move_step(1); });
  add(move, "previous_step", tr("Previous step"), Keys{QKeySequence("K"), QKeySequence(Qt::Key_Up)},
      tr("Go to the previous step"), [this] { document_->move_step(-1); });
  add(move, "next_token", tr("Next token"), Keys{QKeySequence("L"), QKeySequence(Qt::Key_Right)},
      tr("Go to the next token"), [this] { trace_->move_token(1); });
  add(move, "previous_token", tr("Previous token"), Keys{QKeySequence("H"), QKeySequence(Qt::Key_Left)},
      tr("Go to the previous token"), [this] { trace_->move_token(-1); });
  add(move, "extend_next", tr("Choose the next token too"), Keys{QKeySequence("Shift+L"), QKeySequence("Shift+Right")},
      tr("Choose tokens to ask about, from the one under the cursor on"), [this] { trace_->extend(1); });
  add(move, "extend_previous", tr("Choose the previous token too"), Keys{QKeySequence("Shift+H"), QKeySequence("Shift+Left")},
      tr("Choose tokens to ask about, from the one under the cursor back"), [this] { trace_->extend(-1); });
  const auto attention = [&](const char* name, const QString& text, const char* key, void (Workbench::*go)(int), int by) {
    add(move, name, text, {QKeySequence(key)}, tr("Of the attention that is shown"), [this, go, by] { (this->*go)(by); });
  };
  attention("next_layer", tr("Next layer"), "Ctrl+Up", &Workbench::move_layer, 1);
  attention("previous_layer", tr("Previous layer"), "Ctrl+Down", &Workbench::move_layer, -1);
  attention("next_head", tr("Next head"), "Ctrl+Right", &Workbench::move_head, 1);
  attention("previous_head", tr("Previous head, or the mean of all"), "Ctrl+Left", &Workbench::move_head, -1);
  add(move, "go_to_step", tr("Go to step…"), {QKeySequence("G")}, tr("Go to a step by its number"),
      [this] { find_->ask_step(); });
  move->addSeparator();
  add(move, "next_document", tr("Next document"), {QKeySequence("]")}, tr("Look at the next document of the list"),
      [this] { documents_->move_document(1); });
  add(move, "previous_document", tr("Previous document"), {QKeySequence("[")},
      tr("Look at the previous document of the list"), [this] { documents_->move_document(-1); });
  add(move, "proponents", tr("Proponents"), {QKeySequence("Shift+P")},
      tr("List documents that made the step more likely"), [this] { documents_->show_side(true); });
  add(move, "opponents", tr("Opponents"), {QKeySequence("Shift+O")},
      tr("List documents that made the step less likely"), [this] { documents_->show_side(false); });
  move->addSeparator();
  add(move, "next_trace", tr("Next trace"), {QKeySequence("Shift+J")}, tr("Open the next trace of the session"),
      [this] { document_->set_trace(document_->cursor().trace + 1); });
  add(move, "previous_trace", tr("Previous trace"), {QKeySequence("Shift+K")}, tr("Open the previous trace"),
      [this] { document_->set_trace(document_->cursor().trace - 1); });
  add(move, "find", tr("Find…"), {QKeySequence("F"), QKeySequence::Find}, tr("Find words in this trace"),
      [this] { find_->ask_words(); });
}

void Workbench::build_work_menu() {
  QMenu* work = menuBar()->addMenu(tr("&Work"));
  add(work, "prompt", tr("Write a prompt"), {QKeySequence("P")}, tr("Go to the prompt, under the trace"),
      [this] { run_->prompt()->setFocus(); });
  add(work, "enter", tr("Attribute, or open the document"), {QKeySequence(Qt::Key_Return), QKeySequence(Qt::Key_Enter)},
      tr("Find the documents behind these steps; where they are known, show the chosen one alone"),
      [this] { enter(); });
  add(work, "attribute", tr("Attribute this trace…"), {QKeySequence("Ctrl+Return")},
      tr("Choose corpus, sample and method, and find the documents behind each step"),
      [this] { choose_attribution(); });
  add(work, "ask", tr("Ask about the chosen tokens…"), {QKeySequence("Q")},
      tr("Find the documents that made these tokens likely, or likelier than another text; drag over tokens to choose them"),
      [this] { ask_about_tokens(); });
  add(work, "cancel", tr("Stop what is running"), {QKeySequence("Ctrl+.")},
      tr("Stop the run, the attribution, or what is computed of a token"),
      [this] { jobs_->running() == Jobs::Kind::none ? token_attention_->stop() : jobs_->cancel(); });
}

void Workbench::build_view_menu() {
  QMenu* view = menuBar()->addMenu(tr("&View"));
  add(view, "shade", tr("Shade tokens by the next quantity"), {QKeySequence("T")},
      tr("Nothing, log-probability, entropy, influence, attention of the token under the cursor"),
      [this] { set_shade(shades[(static_cast<size_t>(trace_->shade()) + 1) % std::size(shades)]); });
  add(view, "token_part", tr("Document's tokens as read or as predicted"), {QKeySequence("R")},
      tr("What each token of the document adds where the model reads it, or as what it predicts"), [this] {
        DocumentView* shown = documents_->view();
        shown->set_part(shown->shown_part() == TokenPart::read ? TokenPart::predicted : TokenPart::read);
      });
  add(view, "alternatives", tr("Alternatives of the token"), {QKeySequence("A")},
      tr("Show what else the model might have written here"), [this] { trace_->show_alternatives(); });
  add(view, "fold", tr("Fold or unfold the step"), {QKeySequence(Qt::Key_Space)}, tr("Show only the step's first line"),
      [this] { trace_->fold_step(); });
  QAction* marks = add(view, "marks", tr("Show spaces and special tokens"), {QKeySequence("M")},
                       tr("Spaces as ·, line ends as ↵, special tokens as they are written"), [this] {
                         const bool shown = !trace_->marks();
                         trace_->set_marks(shown);
                         documents_->view()->set_marks(shown);
                       });
  marks->setCheckable(true);
  view->addSeparator();
  add(view, "rail", tr("Fold the traces to a rail"), {QKeySequence("Ctrl+B")}, tr("Make room: numbers and marks alone"),
      [this] {
        if (!traces_->rail()) unfolded_width_ = left_->width();
        traces_->set_rail(!traces_->rail());
        if (!traces_->rail()) resizeDocks({left_}, {unfolded_width_}, Qt::Horizontal);
      });
  const auto panel = [&](QDockWidget* dock, const char* name, const QString& text, const QKeySequence& key) {
    QAction* toggle =
        add(view, name, text, {key}, tr("Show or close this panel"), [dock] { dock->setVisible(!dock->isVisible()); });
    toggle->setCheckable(true);
    connect(dock, &QDockWidget::visibilityChanged, toggle, [dock, toggle] { toggle->setChecked(!dock->isHidden()); });
  };
  panel(left_, "show_traces", tr("Session"), QKeySequence("Ctrl+1"));
  panel(right_, "show_documents", tr("Documents"), QKeySequence("Ctrl+2"));
  panel(below_, "show_activations", tr("Inside the model"), QKeySequence("D"));
  add(view, "other_view", tr("Residual stream or attention"), {QKeySequence("V")},
      tr("Show the other of the two inside the model"), [this] {
        drawer_->show_view(drawer_->view() == Drawer::attention ? Drawer::activations : Drawer::attention);
        set_drawer_open(true);
      });
  view->addSeparator();
  QMenu* themes = view->addMenu(tr("Theme"));
  auto* choices = new QActionGroup(this);
  const auto theme_choice = [&](const char* name, const QString& text, ThemeChoice choice) {
    QAction* made =
        add(themes, name, text, {}, tr("Colours of the window"), [choice] { ThemeKeeper::instance().choose(choice); });
    made->setCheckable(true);
    made->setChecked(ThemeKeeper::instance().choice() == choice);
    choices->addAction(made);
  };
  theme_choice("theme_system", tr("As the system"), ThemeChoice::system);
  theme_choice("theme_light", tr("Light"), ThemeChoice::light);
  theme_choice("theme_dark", tr("Dark"), ThemeChoice::dark);
}

void Workbench::move_layer(int by) {
  if (const auto shown = token_attention_->shown())
    document_->set_layer(std::clamp(shown->layer + by, 0, shown->layers - 1));
}

void Workbench::move_head(int by) {
  if (const auto shown = token_attention_->shown())
    document_->set_head(std::clamp(shown->head + by, -1, shown->heads - 1));
}

void Workbench::refresh_recent() {
  recent_->clear();
  const QStringList paths = Settings::recent();
  recent_->setEnabled(!paths.isEmpty());
  for (const QString& path : paths) {
    connect(recent_->addAction(path), &QAction::triggered, this, [this, path] { document_->open(path); });
  }
}

void Workbench::open_file() {
  const QString path =
      QFileDialog::getOpenFileName(this, tr("Open a session"), {}, tr("Sessions (*.h5 *.hdf5);;All files (*)"));
  if (!path.isEmpty()) document_->open(path);
}

void Workbench::save_file_as() {
  if (!document_->has_session()) return;
  QString path = QFileDialog::getSaveFileName(this, tr("Save the session as"), "session.h5", tr("Sessions (*.h5)"));
  if (path.isEmpty()) return;
  if (QFileInfo(path).suffix().isEmpty()) path += ".h5";
  document_->save_as(path);
}

void Workbench::enter() {
  if (document_->row() >= 0) {
    documents_->toggle_whole();
  } else if (document_->trace() && !document_->table() && jobs_->running() == Jobs::Kind::none) {
    attribute_now();
  }
}

void Workbench::attribute_now() {
  const Trace* trace = document_->trace();
  if (!trace) return;
  const AttributeRequest request = usual_attribution(*document_);
  if (request.corpus.isEmpty() || request.model.isEmpty()) {
    choose_attribution();
    return;
  }
  jobs_->attribute(request);
}

void Workbench::choose_attribution() {
  if (!document_->trace() || document_->is_live()) {
    document_->say({Message::note, tr("Open a trace first; then its steps can be attributed.")});
    return;
  }
  open_attribute_dialog(usual_attribution(*document_), {});
}

void Workbench::ask_about_tokens() {
  const Trace* trace = document_->trace();
  ChosenTokens chosen = document_->chosen();
  if (const int token = document_->cursor().token; chosen.empty() && token > 0) chosen = {token, token + 1};
  if (!trace || document_->is_live() || chosen.empty()) {
    document_->say({Message::note, tr("Drag over the tokens that you ask about, or go to one with L.")});
    return;
  }
  AttributeRequest request = usual_attribution(*document_);
  request.span = AskedSpan{chosen.begin, chosen.end, {}};
  const size_t begin = trace->token_offsets[chosen.begin], end = trace->token_offsets[chosen.end];
  trace_->ask_button()->hide();
  open_attribute_dialog(request, one_line(trace->text.substr(begin, end - begin)));
}

void Workbench::open_attribute_dialog(const AttributeRequest& request, const QString& asked) {
  auto* dialog = new AttributeDialog(request, asked, this);
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  connect(dialog, &QDialog::accepted, this, [this, dialog] {
    remember_attribution(dialog->request());
    jobs_->attribute(dialog->request());
  });
  dialog->open();
}

void Workbench::export_figure() {
  if (!document_->trace() || document_->is_live()) {
    document_->say({Message::note, tr("Open a trace first; then what is shown can be exported.")});
    return;
  }
  auto* dialog = new ExportDialog(document_, drawer_->quantity(), documents_->view()->shown_part(), token_attention_->row(), this);
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->open();
}

bool Workbench::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::ShortcutOverride) {
    // Text fields keep their own keys, and so do buttons that were tabbed to, and lists that have dropped down.
    if (QApplication::activePopupWidget()) {
      event->accept();
      return false;  // a list takes Return from this very event
    }
    const auto* key = static_cast<QKeyEvent*>(event);
    const QWidget* focus = QApplication::focusWidget();
    const bool plain = !(key->modifiers() & (Qt::ControlModifier | Qt::AltModifier | Qt::MetaModifier));
    const bool field = focus && focus->isVisible() &&
                       (qobject_cast<const QLineEdit*>(focus) || qobject_cast<const QPlainTextEdit*>(focus) ||
                        qobject_cast<const QAbstractSpinBox*>(focus) || qobject_cast<const QComboBox*>(focus));
    const bool pressed = key->key() == Qt::Key_Space || key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
    if (plain && key->key() != Qt::Key_F1 && (field || (pressed && qobject_cast<const QAbstractButton*>(focus)))) {
      event->accept();
      return true;
    }
  }
  return QMainWindow::eventFilter(watched, event);
}

}  // namespace stemma

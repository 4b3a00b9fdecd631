// The window on a made-up session: everything follows one cursor, keys move it, errors are sentences, exports are
// files.
#include "app/workbench.h"

#include <QToolButton>
#include <QtTest>
#include <filesystem>
#include <fstream>

#include "app/command_palette.h"
#include "app/panels/document_view.h"
#include "app/panels/documents_panel.h"
#include "app/panels/export_dialog.h"
#include "app/panels/message_bar.h"
#include "app/panels/run_panel.h"
#include "app/panels/trace/trace_view.h"
#include "app/panels/traces_panel.h"
#include "app/theme.h"
#include "tests/app/sample_session.h"

using namespace stemma;

class WorkbenchTest : public QObject {
  Q_OBJECT

 public:
  static void initMain() {
    static QTemporaryDir home;
    for (const char* name : {"HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"}) qputenv(name, home.path().toUtf8());
  }

 private:
  std::unique_ptr<Workbench> window_;
  QTemporaryDir folder_;

  void key(int key, Qt::KeyboardModifiers modifiers = {}) { QTest::keyClick(window_.get(), Qt::Key(key), modifiers); }
  int current_row(const QuietList* list) const { return list->currentIndex().row(); }
  QString path(const char* name) const { return folder_.filePath(name); }

 private slots:
  void initTestCase() { ThemeKeeper::instance().apply(); }

  void init() {
    window_ = std::make_unique<Workbench>(false);
    window_->show();
    QVERIFY(QTest::qWaitForWindowActive(window_.get()));
    window_->document().adopt(sample::session(), "t001");
    window_->trace_view()->setFocus();
  }
  void cleanup() { window_.reset(); }

  void steps_move_every_panel() {
    const OpenSession& document = window_->document();
    QCOMPARE(document.cursor().step, 1);  // the first that the model wrote
    QCOMPARE(current_row(window_->traces_panel()->steps()), 1);
    const QString first = window_->documents_panel()->view()->heading_text();
    const int first_document = document.cursor().document;
    key(Qt::Key_J);
    QCOMPARE(document.cursor().step, 2);
    QCOMPARE(current_row(window_->traces_panel()->steps()), 2);
    QVERIFY(document.cursor().document != first_document);
    QVERIFY(window_->documents_panel()->view()->heading_text() != first);
    key(Qt::Key_Down);
    QCOMPARE(document.cursor().step, 3);
    key(Qt::Key_K);
    key(Qt::Key_Up);
    QCOMPARE(document.cursor().step, 1);
    QCOMPARE(window_->documents_panel()->view()->heading_text(), first);
    for (int i = 0; i < 20; ++i) key(Qt::Key_K);
    QCOMPARE(document.cursor().step, 0);  // and no further
    QCOMPARE(document.row(), -1);         // the prompt is no query
  }

  void tokens_move_and_carry_the_step() {
    const OpenSession& document = window_->document();
    key(Qt::Key_L);
    const Trace& trace = *document.trace();
    QVERIFY(document.cursor().token > trace.steps[1].begin);  // <think> is hidden and passed over
    const int visible = document.cursor().token;
    key(Qt::Key_H);
    QVERIFY(document.cursor().token < visible);
    QCOMPARE(document.cursor().step, 0);
  }

  void a_trace_that_appears_has_the_keys() {
    for (const bool shown_first : {false, true}) {  // before the window is active, either way
      Workbench window(false);
      if (shown_first) window.show();
      window.document().adopt(sample::session(), "t001");
      window.show();
      QVERIFY(QTest::qWaitForWindowActive(&window));
      QCOMPARE(window.focusWidget(), static_cast<QWidget*>(window.trace_view()));
    }
  }

  void documents_follow_the_list() {
    OpenSession& document = window_->document();
    const InfluenceTable& table = *document.table();
    const int row = document.row();
    QCOMPARE(document.cursor().document, table.top_documents[static_cast<size_t>(row) * table.top]);
    QVERIFY(window_->documents_panel()->view()->heading_text().contains("rank 1 of 400"));
    key(Qt::Key_BracketRight);
    QCOMPARE(document.cursor().document, table.top_documents[static_cast<size_t>(row) * table.top + 1]);
    QCOMPARE(current_row(window_->documents_panel()->list()), 1);
    key(Qt::Key_BracketLeft);
    key(Qt::Key_BracketLeft);
    QCOMPARE(current_row(window_->documents_panel()->list()), 0);
    window_->documents_panel()->show_side(false);
    QCOMPARE(document.cursor().document, table.bottom_documents[static_cast<size_t>(row) * table.top]);
    QVERIFY(table.score(row, document.cursor().document) < 0);
    // The tokens shown add up to the score beside them.
    const Shading& shading = window_->documents_panel()->view()->shading();
    double sum = 0;
    for (const float value : shading.values) sum += value;
    QVERIFY(std::fabs(sum - table.score(row, document.cursor().document)) <
            1e-3 * std::fabs(table.score(row, document.cursor().document)) + 1e-9);
  }

  void a_documents_tokens_are_shown_as_read_or_as_predicted() {
    const DocumentView* view = window_->documents_panel()->view();
    const auto values = [&](TokenPart part) {
      const OpenSession& document = window_->document();
      const auto scores = document.table()->find(document.cursor().document)->scores_of(part, document.row());
      return std::vector<float>(scores.begin(), scores.end());
    };
    QVERIFY(values(TokenPart::read) != values(TokenPart::predicted));
    QCOMPARE(view->shading().values, values(TokenPart::read));
    key(Qt::Key_R);
    QCOMPARE(view->shading().values, values(TokenPart::predicted));
    QVERIFY(view->part_button(TokenPart::predicted)->isChecked());
    key(Qt::Key_BracketRight);  // and so is the next
    QCOMPARE(view->shading().values, values(TokenPart::predicted));
    QToolButton* read = view->part_button(TokenPart::read);
    read->setFocus(Qt::TabFocusReason);
    QTest::keyClick(read, Qt::Key_Space);
    QCOMPARE(view->shading().values, values(TokenPart::read));

    // A session of an earlier version has one of the two, and the choice outlasts it.
    key(Qt::Key_R);
    const auto older = sample::session();
    for (auto& [_, table] : older->influence)
      for (ShownDocument& shown : table.shown) shown.output_scores.clear();
    window_->document().adopt(older, "t001");
    QCOMPARE(view->shading().values, values(TokenPart::read));
    QVERIFY(view->part_button(TokenPart::read)->isChecked());
    QVERIFY(!view->part_button(TokenPart::predicted)->isEnabled());
    QVERIFY(view->part_button(TokenPart::predicted)->toolTip().contains("earlier version"));
    window_->document().adopt(sample::session(), "t001");
    QCOMPARE(view->shading().values, values(TokenPart::predicted));
  }

  void a_certain_step_says_that_its_ranking_says_little() {
    QVERIFY(window_->documents_panel()->note().isEmpty());
    window_->document().set_step(static_cast<int>(window_->document().trace()->steps.size()) - 1);
    QVERIFY(window_->documents_panel()->note().contains("says little"));
    QVERIFY(window_->documents_panel()->note().contains("0.0310 nats"));
  }

  void shading_goes_round_and_its_legend_has_a_unit() {
    QCOMPARE(window_->trace_view()->shade(), Shade::nothing);
    for (const Shade wanted : {Shade::logprob, Shade::entropy, Shade::influence, Shade::attention, Shade::nothing}) {
      key(Qt::Key_T);
      QCOMPARE(window_->trace_view()->shade(), wanted);
    }
    window_->set_shade(Shade::entropy);
    const Trace& trace = *window_->document().trace();
    const Shading& shading = window_->trace_view()->shading();
    QCOMPARE(shading.values.size(), trace.tokens.size());
    QVERIFY(shading.high > shading.low);
    QCOMPARE(shading.tint(0, theme().ground), theme().ground);  // not measured: no tint
  }

  void letters_stay_legible_on_every_tint() {
    for (const ThemeChoice choice : {ThemeChoice::light, ThemeChoice::dark}) {
      ThemeKeeper::instance().apply_once(choice);
      const QColor ink = theme().text;
      for (const Ramp ramp : {Ramp::probability, Ramp::magnitude, Ramp::signed_values}) {
        for (double t = ramp == Ramp::signed_values ? -1 : 0; t <= 1.001; t += 0.125) {
          for (const QColor& ground : {theme().ground, theme().paper}) {
            const QColor tint = ramp_tint(ramp, t, ground);
            const auto rgba = [](const QColor& c) {
              return Rgba{uint8_t(c.red()), uint8_t(c.green()), uint8_t(c.blue())};
            };
            QVERIFY2(contrast(rgba(ink), rgba(tint)) >= 6.99, qPrintable(tint.name()));
          }
        }
      }
    }
  }

  // Keys are an open list's while it is open: none moves the trace beneath it.
  void an_open_list_has_the_keys() {
    QComboBox* list = nullptr;
    for (QComboBox* box : window_->findChildren<QComboBox*>())
      if (box->accessibleName() == "Shade tokens by") list = box;
    QVERIFY(list);
    const int step = window_->document().cursor().step, before = list->currentIndex();
    list->showPopup();
    QTRY_VERIFY(QApplication::activePopupWidget());
    QTest::keyClick(QGuiApplication::focusWindow(), Qt::Key_Down);
    QTest::keyClick(QGuiApplication::focusWindow(), Qt::Key_Return);
    QTRY_VERIFY(!QApplication::activePopupWidget());
    QCOMPARE(list->currentIndex(), before + 1);
    QCOMPARE(window_->document().cursor().step, step);
  }

  void a_trace_without_documents_offers_to_attribute() {
    window_->document().set_trace(2);
    QVERIFY(window_->documents_panel()->attribute_button()->isVisible());
    window_->document().set_trace(0);
    QVERIFY(!window_->documents_panel()->attribute_button()->isVisible());
  }

  void folding_find_and_go() {
    key(Qt::Key_Space);
    QVERIFY(window_->trace_view()->folded(1));
    key(Qt::Key_Space);
    QVERIFY(!window_->trace_view()->folded(1));
    QVERIFY(window_->trace_view()->find("rise over run"));
    QCOMPARE(window_->document().cursor().step, 4);
    QVERIFY(!window_->trace_view()->find("no such words"));
    key(Qt::Key_G);
    QTest::keyClicks(QApplication::focusWidget(), "2");
    QTest::keyClick(QApplication::focusWidget(), Qt::Key_Return);
    QCOMPARE(window_->document().cursor().step, 2);
  }

  void text_fields_keep_their_own_keys() {
    window_->run_panel()->prompt()->setFocus();
    const int step = window_->document().cursor().step;
    QTest::keyClicks(window_->run_panel()->prompt(), "jk t?");
    QCOMPARE(window_->run_panel()->prompt()->toPlainText(), QString("jk t?"));
    QCOMPARE(window_->document().cursor().step, step);
    QCOMPARE(window_->trace_view()->shade(), Shade::nothing);
  }

  void scores_without_documents_say_so() {
    auto bare = std::make_shared<Session>(*window_->document().session());
    for (auto& [key, table] : bare->influence) {
      table.top = 0;
      table.top_documents.clear();
      table.bottom_documents.clear();
    }
    window_->document().adopt(bare, "t001");
    QCOMPARE(window_->documents_panel()->list()->model()->rowCount(), 0);
    const auto labels = window_->documents_panel()->findChildren<QLabel*>();
    QVERIFY(std::any_of(labels.begin(), labels.end(), [](const QLabel* label) {
      return label->isVisible() && label->text().contains("only the scores were kept");
    }));
  }

  void tokens_are_counted_as_the_commands_count_them() {
    const AskedSpan token{20, 21, ""}, span{20, 23, "8"};
    QCOMPARE(DocumentsPanel::words_of(token), QString::fromStdString(token.name()));
    QCOMPARE(DocumentsPanel::words_of(span), QString("tokens 20 to 22 rather than “8”"));
  }

  void estimates_are_shown_until_they_are_scores() {
    OpenSession& document = window_->document();
    const std::string method = document.method();
    auto early = std::make_shared<InfluenceTable>(*document.table());
    early->method = "ekfac of tokens 20-22";
    early->searched = 20000;
    early->estimated = early->documents - 3;
    document.show_so_far(early);
    QVERIFY(document.is_so_far());
    QVERIFY(window_->documents_panel()->fact().startsWith("Estimates of 20,000 documents. 3 of the strongest"));
    QVERIFY(window_->documents_panel()->list()->model()->rowCount() > 1);
    const int second = document.table()->top_documents[static_cast<size_t>(document.row() * document.table()->top) + 1];
    document.set_document(second);
    document.show_so_far(std::make_shared<InfluenceTable>(*early));
    QCOMPARE(document.cursor().document, second);  // what was looked at stays in hand
    document.show_so_far(nullptr);
    QVERIFY(!document.is_so_far());
    QCOMPARE(document.method(), method);
    QVERIFY(!window_->documents_panel()->fact().startsWith("Estimates"));
  }

  void keys_follow_what_was_clicked() {
    for (QuietList* list :
         {window_->documents_panel()->list(), window_->traces_panel()->steps(), window_->traces_panel()->traces()}) {
      window_->run_panel()->prompt()->setFocus();
      QTest::mouseClick(list->viewport(), Qt::LeftButton, {}, list->visualRect(list->model()->index(0, 0)).center());
      QVERIFY(window_->trace_view()->hasFocus());
    }
  }

  void clicking_a_token_moves_the_cursor() {
    const Trace& trace = *window_->document().trace();
    const int token = trace.steps[3].begin + 2;
    QTest::mouseClick(window_->trace_view()->viewport(), Qt::LeftButton, {}, window_->trace_view()->token_place(token));
    QCOMPARE(window_->document().cursor().token, token);
    QCOMPARE(window_->document().cursor().step, 3);
  }

  void sessions_are_saved_and_opened() {
    window_->document().save_as(path("saved.h5"));
    QTRY_VERIFY(window_->message_bar()->text().contains("Saved"));
    QVERIFY(QFile::exists(path("saved.h5")));
    window_->document().start_empty(path("empty.h5"));
    QVERIFY(!window_->document().trace());
    window_->document().open(path("saved.h5"));
    QTRY_VERIFY(window_->document().trace());
    QCOMPARE(window_->document().session()->traces.size(), size_t(4));
    QVERIFY(window_->document().row() >= 0);
  }

  void a_file_that_is_no_session_is_a_sentence() {
    const auto session = window_->document().session();
    std::ofstream(path("letter.h5").toStdString()) << "Dear reader, this is no session.";
    window_->document().open(path("letter.h5"));
    QTRY_VERIFY(window_->message_bar()->isVisible());
    QVERIFY(window_->message_bar()->is_error());
    QVERIFY2(window_->message_bar()->text().contains("letter.h5"), qPrintable(window_->message_bar()->text()));
    QCOMPARE(window_->document().session(), session);  // what was open stays open
    window_->document().open(path("missing.h5"));
    QTRY_VERIFY(window_->message_bar()->text().contains("missing.h5"));
  }

  void exports_are_written() {
    auto* dialog =
        new ExportDialog(&window_->document(), ActivationQuantity::norm, TokenPart::read, nullptr, window_.get());
    dialog->show();
    for (int which : {0, 1}) {
      dialog->choose(which);
      for (const char* suffix : {"svg", "pdf", "png", "csv"}) {
        const QString file = path(qPrintable(QString("figure%1.%2").arg(which).arg(suffix)));
        QTRY_VERIFY_WITH_TIMEOUT((dialog->write(file), QTest::qWait(50), QFileInfo(file).size() > 0), 10000);
      }
    }
    QFile csv(path("figure0.csv"));
    QVERIFY(csv.open(QIODevice::ReadOnly));
    QVERIFY(csv.readAll().count('\n') > 5);
    dialog->close();
  }

  void every_action_is_in_the_palette_and_has_words() {
    for (const QAction* action : window_->findChildren<QAction*>()) {
      if (action->objectName().isEmpty() || action->isSeparator()) continue;
      QVERIFY2(!action->toolTip().isEmpty(), qPrintable(action->objectName()));
    }
    QVERIFY(fuzzy_distance("exp fig", "File › Export a figure…") >= 0);
    QVERIFY(fuzzy_distance("zzz", "File › Export a figure…") < 0);
    CommandPalette palette(window_->menuBar(), window_.get());
    palette.ask();
    palette.field()->setText("next step");
    const int step = window_->document().cursor().step;
    QTest::keyClick(palette.field(), Qt::Key_Return);
    QCOMPARE(window_->document().cursor().step, step + 1);
  }

  void the_smallest_comfortable_window_clips_nothing() {
    window_->resize(1280, 720);
    QTest::qWait(50);
    for (const QWidget* button : window_->findChildren<QPushButton*>()) {
      if (!button->isVisible()) continue;
      QVERIFY2(button->width() >= button->minimumSizeHint().width(), qPrintable(button->accessibleName()));
      const QPoint corner = button->mapTo(window_.get(), button->rect().bottomRight());
      QVERIFY(window_->rect().contains(corner));
    }
  }

  void a_very_long_trace_is_stepped_within_a_frame() {
    std::vector<std::string> thought;
    for (int i = 0; i < 400; ++i) {
      thought.push_back("Sentence number " + std::to_string(i) +
                        " of a long thought adds 12 to 30 and finds that it is 42.");
    }
    auto session = std::make_shared<Session>();
    session->traces.push_back(sample::trace("t001", "How long can a thought be?", thought, "Long."));
    session->influence[{"t001", "ekfac"}] = sample::table(session->traces[0], 300, 5);
    QVERIFY(session->traces[0].size() > 10000);
    window_->document().adopt(session, "t001");
    QElapsedTimer clock;
    clock.start();
    constexpr int presses = 60;
    for (int i = 0; i < presses; ++i) {
      key(Qt::Key_J);
      window_->repaint();
    }
    const double each = static_cast<double>(clock.elapsed()) / presses;
    QCOMPARE(window_->document().cursor().step, presses + 1);
    QVERIFY(window_->trace_view()->viewport()->rect().intersects(window_->trace_view()->step_rectangle(presses + 1)));
    QVERIFY2(each < 100, qPrintable(QString("%1 ms for a step").arg(each)));  // 16 ms on a machine that is not busy
    qInfo("%.1f ms for a step", each);
  }

  void the_live_trace_grows_in_place() {
    auto whole = sample::trace("t009", "What is 2 + 2?", {"Two and two.", "That makes four."}, "4");
    auto part = std::make_shared<Trace>(whole);
    part->steps.resize(2);
    window_->document().show_live(part);
    QCOMPARE(current_row(window_->traces_panel()->steps()), 1);
    QVERIFY(!window_->document().table());
    window_->document().show_live(std::make_shared<Trace>(whole));
    QCOMPARE(window_->traces_panel()->steps()->model()->rowCount(), 4);
    window_->document().show_live(nullptr);
    QCOMPARE(window_->document().trace()->id, std::string("t001"));
  }
};

QTEST_MAIN(WorkbenchTest)
#include "workbench_test.moc"

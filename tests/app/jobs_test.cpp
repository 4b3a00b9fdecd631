// The window's long work on a tiny model: run a prompt, stop it, attribute, cancel.
#include "app/jobs.h"

#include <QtTest>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/panels/documents_panel.h"
#include "app/panels/drawer.h"
#include "app/panels/message_bar.h"
#include "app/panels/run_panel.h"
#include "app/panels/trace/trace_view.h"
#include "app/theme.h"
#include "app/token_attention.h"
#include "app/workbench.h"
#include "app/working_copy.h"
#include "runtime/influence/index/build.h"
#include "tests/app/sample_session.h"
#include "tests/support/tiny_model.h"

using namespace stemma;

class JobsTest : public QObject {
  Q_OBJECT

 public:
  static void initMain() {
    static QTemporaryDir home;
    for (const char* name : {"HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"}) qputenv(name, home.path().toUtf8());
  }

 private:
  QTemporaryDir folder_;
  std::unique_ptr<Workbench> window_;
  QString path(const char* name) const { return folder_.filePath(name); }
  RunRequest run_request(int max_tokens) const { return {path("model"), "ab cd.", true, 1.0, 3, max_tokens}; }

  // Nothing was kept: the drawer says so, measures from the tokens, and shows the layer and head that keys choose.
  void measured_attention_is_shown_and_follows_the_keys() {
    Drawer& drawer = *window_->drawer();
    OpenSession& document = window_->document();
    drawer.show_view(Drawer::attention);
    QVERIFY(document.can_measure_attention() && !drawer.attention_panel().map());
    QVERIFY(document.attention_message().contains("not recorded"));
    drawer.recompute_button()->click();
    QCOMPARE(window_->jobs().running(), Jobs::Kind::attention);
    QTRY_VERIFY_WITH_TIMEOUT(drawer.attention_panel().map(), 60000);
    const auto map = document.attention();
    QVERIFY(map->recomputed && drawer.source()->text().startsWith("Recomputed"));
    QVERIFY(!drawer.recompute_button()->isVisible());
    QCOMPARE(map->layer, map->layers - 1);
    QCOMPARE(map->head, -1);
    for (int step = 0; step < map->steps; ++step) {
      float sum = 0;
      for (int seen = 0; seen <= step; ++seen) sum += map->value(step, seen);
      QVERIFY(std::abs(sum - 1) < 0.01f);
    }
    window_->action("previous_layer")->trigger();
    window_->action("next_head")->trigger();
    QTRY_VERIFY(document.attention() && document.attention()->head == 0 &&
                document.attention()->layer == map->layers - 2);
    document.set_step(0);
    QCOMPARE(drawer.attention_panel().cursor(), 0);
    document.set_step(1);
    drawer.show_view(Drawer::activations);
  }

  // Text and drawer follow the token under the cursor, the layer and head that keys choose; from what was recorded, and
  // without it from the tokens.
  void a_token_shows_what_it_looks_at(bool recorded) {
    OpenSession& document = window_->document();
    TokenAttention& attention = *window_->token_attention();
    window_->drawer()->show_view(Drawer::attention);
    QVERIFY(window_->drawer()->token_button()->isVisible() && !attention.row());
    window_->drawer()->token_button()->click();
    QCOMPARE(window_->trace_view()->shade(), Shade::attention);
    QVERIFY(attention.words().contains("Go to a token"));
    const int last = document.trace()->size() - 2;
    for (int token = 4; token <= last; ++token) document.set_token(token);  // the last of these is wanted
    QTRY_VERIFY_WITH_TIMEOUT(attention.row(), 30000);
    QTRY_COMPARE(attention.row()->token, last);
    QCOMPARE(attention.row()->layer, 1);
    QCOMPARE(attention.row()->from_recording, recorded);
    QVERIFY(attention.words().contains(recorded ? "recorded residual stream" : "from the tokens"));
    const Shading& shading = window_->trace_view()->shading();
    QCOMPARE(static_cast<int>(shading.values.size()), last + 1);
    QVERIFY(shading.high > 0 && shading.unit == "%");
    float sum = 0;
    for (const float share : shading.values) sum += share;
    QVERIFY(std::abs(sum - 100) < 0.01f);
    const auto& rows = window_->drawer()->attention_panel().tokens().rows();
    QVERIFY(rows.size() > 3 && rows[0].share >= rows[1].share);
    QCOMPARE(static_cast<float>(100 * rows[0].share), *std::ranges::max_element(shading.values));

    window_->action("previous_layer")->trigger();
    window_->action("next_head")->trigger();
    QTRY_VERIFY(attention.row() && attention.row()->layer == 0 && attention.row()->head == 0);
    QVERIFY(!attention.row()->from_recording);  // the first block's residual is the tokens' embeddings
    document.set_layer_and_token(-1, last);
    document.set_head(-1);
    window_->set_shade(Shade::nothing);
    QVERIFY(!attention.row() && window_->drawer()->attention_panel().tokens().empty());
    window_->drawer()->show_view(Drawer::activations);
  }

  // Tokens that were dragged over are asked about, against another text, by a scan and from an index.
  void ask_about_dragged_tokens(AttributeRequest request) {
    OpenSession& document = window_->document();
    TraceView& view = *window_->trace_view();
    int first = document.trace()->prompt_tokens + 1;
    while (view.token_place(first).y() != view.token_place(first + 2).y()) ++first;
    QTest::mousePress(view.viewport(), Qt::LeftButton, {}, view.token_place(first + 2));
    QTest::mouseMove(view.viewport(), view.token_place(first));
    QMouseEvent move(QEvent::MouseMove, view.token_place(first), view.viewport()->mapToGlobal(view.token_place(first)),
                     Qt::NoButton, Qt::LeftButton, {});
    QApplication::sendEvent(view.viewport(), &move);
    QTest::mouseRelease(view.viewport(), Qt::LeftButton, {}, view.token_place(first));
    QCOMPARE(document.chosen(), (ChosenTokens{first, first + 3}));
    QVERIFY(view.ask_button()->isVisible() && view.viewport()->rect().contains(view.ask_button()->geometry()));
    view.extend(1);  // by key: the cursor's end stays
    QCOMPARE(document.chosen(), (ChosenTokens{first + 1, first + 3}));

    const auto ask = [&](const std::string& against) {
      request.span = AskedSpan{first + 1, first + 3, against};
      window_->jobs().attribute(request);
      QTRY_COMPARE_WITH_TIMEOUT(window_->jobs().running(), Jobs::Kind::none, 60000);
      const InfluenceTable* table = document.table();
      QVERIFY2(table && table->method == "ekfac of " + request.span->name(),
               qPrintable(window_->message_bar()->text()));
      QCOMPARE(document.chosen(), (ChosenTokens{first + 1, first + 3}));  // what the answer is about
      document.move_step(1);
      QCOMPARE(document.row(), 0);  // and the answer stays
      QVERIFY(window_->documents_panel()->list()->model()->rowCount() > 0);
    };
    ask("");
    const auto model = load_model(request.model.toStdString(), open_device("cpu"));
    const Corpus corpus = load_corpus({request.corpus[0].toStdString()}, 0);
    const IndexOptions few{.basis = {.side = 8, .directions = 8, .numbers = 16}, .sample = 32};
    build_index(path("index.h5").toStdString(), *model, load_factors(request.factors.toStdString()), corpus, few,
                Control());
    request.index = path("index.h5");
    request.corpus.clear();
    int estimates = 0;
    connect(&document, &OpenSession::table_changed, this, [&] {
      if (!document.is_so_far()) return;
      ++estimates;
      QVERIFY(document.table()->searched == 60 && document.table()->asked == request.span);
      QVERIFY(window_->documents_panel()->list()->model()->rowCount() > 0);
    });
    ask("ab");
    disconnect(&document, &OpenSession::table_changed, this, nullptr);
    QVERIFY(estimates > 0 && !document.is_so_far());  // shown while the scoring went on
    QCOMPARE(document.table()->searched, int64_t{60});
    document.set_method("ekfac");
    QVERIFY(document.chosen().empty() && !document.asked());
  }

 private slots:
  void initTestCase() {
    ThemeKeeper::instance().apply();
    ModelConfig config = test::tiny_config(2, true);
    config.context = 4096;
    config.eos = -1;  // it goes on until it is stopped
    const std::filesystem::path model = path("model").toStdString();
    std::filesystem::create_directories(model);
    save_model(*test::random_model(config, 5, 0.05), model);
    test::write_tiny_tokenizer(model);
    std::ofstream(model / "tokenizer_config.json") << R"({"bos_token": "<s>", "add_bos_token": true})";
    std::ofstream corpus(path("corpus.jsonl").toStdString());
    for (const std::string& text : test::random_texts(60, 9)) {
      corpus << "{\"id\": \"d\", \"source\": \"words\", \"text\": \"" << text << "\"}\n";
    }
    corpus << "this line is broken\n";
  }
  void init() {
    window_ = std::make_unique<Workbench>(false);
    window_->show();
  }
  void cleanup() { window_.reset(); }

  void a_prompt_runs_and_its_steps_are_attributed() {
    window_->document().start_empty(path("runs.h5"));
    window_->run_panel()->set_model(path("model"));
    window_->run_panel()->prompt()->setPlainText("ab cd.");
    QSignalSpy grown(&window_->document(), &OpenSession::trace_changed);
    window_->jobs().run(run_request(40));
    QCOMPARE(window_->jobs().running(), Jobs::Kind::run);
    QTRY_COMPARE_WITH_TIMEOUT(window_->jobs().running(), Jobs::Kind::none, 30000);
    QVERIFY2(!window_->message_bar()->is_error(), qPrintable(window_->message_bar()->text()));
    QVERIFY(grown.size() >= 1);
    const Trace* trace = window_->document().trace();
    QVERIFY(trace);
    QVERIFY(trace->size() > trace->prompt_tokens);
    QVERIFY(QFile::exists(path("runs.h5")));
    QVERIFY(window_->document().session()->activations.count(trace->id));
    window_->set_drawer_open(true);
    QTRY_VERIFY(window_->document().activations());
    const QString source = window_->drawer()->source()->text();
    QVERIFY2(source.startsWith("Recorded") && source.contains("agree within") && source.contains("nats"),
             qPrintable(source));
    QVERIFY(window_->drawer()->source()->toolTip().contains("gives back"));
    QVERIFY(!window_->drawer()->recompute_button()->isVisible());

    a_token_shows_what_it_looks_at(true);
    QTRY_VERIFY(window_->document().activations());  // read again by the drawer

    // The same trace without its recordings: they are computed again, and said to be.
    auto bare = std::make_shared<Session>(*window_->document().session());
    bare->activations.clear();
    const auto recorded = window_->document().activations();
    window_->document().adopt(bare, trace->id);
    QVERIFY(!window_->document().activations() && window_->drawer()->recompute_button()->isVisible());
    window_->drawer()->recompute_button()->click();
    QCOMPARE(window_->jobs().running(), Jobs::Kind::recompute);
    QTRY_VERIFY_WITH_TIMEOUT(window_->document().activations(), 30000);
    QVERIFY(window_->document().activations()->recomputed);
    QCOMPARE(window_->document().activations()->values.size(), recorded->values.size());
    QVERIFY2(window_->drawer()->source()->text().startsWith("Recomputed"), "the panel says where they come from");
    QVERIFY(!window_->drawer()->recompute_button()->isVisible());
    a_token_shows_what_it_looks_at(false);
    measured_attention_is_shown_and_follows_the_keys();
    window_->set_drawer_open(false);
    trace = window_->document().trace();

    AttributeRequest request;
    request.model = path("model");
    request.corpus = QStringList{path("corpus.jsonl")};
    request.factors = path("factors.h5");
    request.sample = 0;
    window_->jobs().attribute(request);
    QCOMPARE(window_->jobs().running(), Jobs::Kind::attribute);
    QTRY_COMPARE_WITH_TIMEOUT(window_->jobs().running(), Jobs::Kind::none, 60000);
    QVERIFY2(window_->document().table(), qPrintable(window_->message_bar()->text()));
    QCOMPARE(window_->document().table()->documents, 60);
    QVERIFY(QFile::exists(path("factors.h5")));
    QVERIFY(window_->message_bar()->text().contains("1 line"));  // what could not be read is said
    QVERIFY(window_->documents_panel()->list()->model()->rowCount() > 0);
    QVERIFY(window_->documents_panel()->fact().contains("of 60 documents made this step more likely"));

    request.two_stages = true;
    window_->jobs().attribute(request);
    QTRY_COMPARE_WITH_TIMEOUT(window_->jobs().running(), Jobs::Kind::none, 60000);
    QVERIFY(window_->document().table()->first_stage.rank > 0);
    QCOMPARE(window_->documents_panel()->fact(),
             QString("The strongest 60 of 60 documents, found by a first pass and scored exactly."));
    request.two_stages = false;
    ask_about_dragged_tokens(request);
  }

  void stopping_keeps_what_was_written() {
    window_->document().start_empty(path("stopped.h5"));
    window_->jobs().run(run_request(4000));
    QTRY_VERIFY_WITH_TIMEOUT(window_->document().is_live(), 30000);
    window_->jobs().cancel();
    QVERIFY(window_->jobs().stopping());
    QTRY_COMPARE_WITH_TIMEOUT(window_->jobs().running(), Jobs::Kind::none, 30000);
    const Trace* trace = window_->document().trace();
    QVERIFY(trace);
    QCOMPARE(trace->stop_reason, std::string("stopped"));
    QVERIFY(!trace->completed);
  }

  void cancelling_an_attribution_changes_nothing() {
    window_->document().start_empty(path("cancelled.h5"));
    window_->jobs().run(run_request(20));
    QTRY_COMPARE_WITH_TIMEOUT(window_->jobs().running(), Jobs::Kind::none, 30000);
    {
      std::ofstream many(path("many.jsonl").toStdString());  // enough that the cancel comes before the end
      for (const std::string& text : test::random_texts(20000, 9))
        many << nlohmann::json{{"text", text}}.dump() << "\n";
    }
    AttributeRequest request;
    request.model = path("model");
    request.corpus = QStringList{path("many.jsonl")};
    request.gradient = true;
    window_->jobs().attribute(request);
    window_->jobs().cancel();
    QTRY_COMPARE_WITH_TIMEOUT(window_->jobs().running(), Jobs::Kind::none, 30000);
    QVERIFY(!window_->document().table());
    QVERIFY(window_->message_bar()->text().contains("cancelled"));
    QVERIFY(!window_->message_bar()->is_error());
  }

  void a_model_that_is_not_there_is_a_sentence() {
    window_->document().start_empty(path("none.h5"));
    RunRequest request = run_request(5);
    request.model = path("no-model");
    window_->jobs().run(request);
    QTRY_COMPARE_WITH_TIMEOUT(window_->jobs().running(), Jobs::Kind::none, 30000);
    QVERIFY(window_->message_bar()->is_error());
    QVERIFY(window_->message_bar()->text().contains("no-model"));
  }

  void the_demo_is_copied_and_never_written() {
    const std::filesystem::path demo = path("demo.h5").toStdString(), data = path("data").toStdString();
    Session session = *sample::session(60);
    save_session(session, demo);
    const auto size = std::filesystem::file_size(demo);
    Session opened = load_session(demo);
    opened.models["a1b2c3"].path = "model";  // beside the session
    const Session copy = working_copy(opened, demo, data);
    QVERIFY(copy.path != demo);
    QVERIFY(std::filesystem::exists(copy.path));
    QCOMPARE(copy.traces.size(), opened.traces.size());
    QCOMPARE(QString::fromStdString(copy.models.at("a1b2c3").path), path("model"));  // still found from elsewhere
    QVERIFY(working_copy(copy, demo, data).path == copy.path);                       // a file of its own stays
    QVERIFY(working_copy(opened, demo, data).path != copy.path);                     // a second copy gets a free name
    QCOMPARE(std::filesystem::file_size(demo), size);
  }
};

QTEST_MAIN(JobsTest)
#include "jobs_test.moc"

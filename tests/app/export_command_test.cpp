// `stemma export` on a session: every figure, what is chosen by itself, and what is refused.
#include <sys/resource.h>

#include <cmath>

#include "runtime/session/session.h"
#include "tests/app/commands/program.h"

using namespace stemma;
using stemma::test::Ran;
using stemma::test::run;

namespace {

Session small_session() {
  Trace trace;
  trace.id = "t001";
  trace.title = "one and two";
  trace.prompt = "one and two";
  trace.model_hash = "feed";
  trace.created = "2026-01-02T03:04:05Z";
  trace.device = "cpu";
  trace.completed = true;
  trace.text = "one make three";
  trace.tokens = {1, 2, 3};
  trace.token_offsets = {0, 3, 8, 14};
  trace.prompt_tokens = 1;
  trace.logprob = trace.entropy = {std::nanf(""), -0.5f, -0.7f};
  trace.steps = {{0, 1, StepKind::prompt, "", ""}, {1, 2, StepKind::thought, "", ""}, {2, 3, StepKind::answer, "", ""}};

  InfluenceTable table;
  table.trace_id = "t001";
  table.method = "ekfac";
  table.model_hash = "feed";
  table.factors_hash = "beef";
  table.corpus_hash = "cafe";
  table.device = "cpu";
  table.corpus_documents = 2;
  table.steps = 2;
  table.documents = 2;
  table.layers = 1;
  table.step_index = {1, 2};
  table.nats = {0.5f, 0.7f};
  table.scores = {0.25f, -0.125f, 0.5f, -0.0625f};
  table.top = 2;
  table.top_documents = {0, 1, 0, 1};
  table.bottom_documents = {1, 0, 1, 0};
  table.document_ids = {"c.jsonl:0", "c.jsonl:40"};
  table.document_sources = {"forum", "prose"};
  for (int d = 0; d < 2; ++d) {
    table.shown.push_back({d, table.document_ids[d], "", table.document_sources[d], d == 0 ? "six words" : "a tale", {0, 3, d == 0 ? 9u : 6u}, {}, {}});
    for (int s = 0; s < 2; ++s) {
      const float score = table.score(s, d);
      table.shown[d].token_scores.insert(table.shown[d].token_scores.end(), {score * 0.75f, score * 0.25f});
      table.shown[d].output_scores.insert(table.shown[d].output_scores.end(), {0.0f, score});
      table.shown[d].layer_scores.push_back(score);
    }
  }

  Session session;
  session.models["feed"] = {"feed", "little", "LlamaForCausalLM", "", "float32", "", 1, 4, 1};
  session.traces.push_back(trace);
  session.influence[{"t001", "ekfac"}] = table;
  return session;
}

}  // namespace

class ExportCommandTest : public QObject {
  Q_OBJECT

  QTemporaryDir folder_;
  QString at(const QString& name) const { return folder_.filePath(name); }

 private slots:
  void initTestCase() {
    Session session = small_session();
    save_session(session, at("s.h5").toStdString());
  }

  void every_figure_in_every_format() {
    for (const char* figure : {"step", "document"}) {
      for (const char* ending : {"svg", "pdf", "png", "csv"}) {
        const QString out = at(QString(figure) + "." + ending);
        const Ran ran = run({"export", at("s.h5"), "--figure", figure, "--out", out});
        QVERIFY2(ran.status == 0, ran.error);
        QVERIFY2(ran.error.isEmpty(), ran.error);
        QVERIFY(QFileInfo(out).size() > 100);
      }
    }
  }

  void the_least_certain_step_and_its_strongest_document_are_the_default() {
    const QByteArray csv = test::read(at("document.csv"));
    QVERIFY2(csv.contains("# step: 2\n"), csv);
    QVERIFY2(csv.contains("token,0,six,0.375\n") && csv.contains("layer,0,,0.5\n"), csv);
  }

  void scores_without_documents_say_so() {
    Session session = small_session();
    InfluenceTable& table = session.influence.begin()->second;
    table.top = 0;
    table.top_documents.clear(), table.bottom_documents.clear(), table.shown.clear();
    save_session(session, at("scores.h5").toStdString());
    const Ran step = run({"export", at("scores.h5"), "--figure", "step", "--out", at("scores.svg")});
    QVERIFY2(step.status == 0, step.error);
    const Ran document = run({"export", at("scores.h5"), "--figure", "document", "--out", at("scores.csv")});
    QVERIFY2(document.status != 0 && document.sentence().contains("only the scores were kept"), document.error);
  }

  void the_command_inside_makes_the_same_numbers_data() {
    QTest::addColumn<QStringList>("options");
    QTest::newRow("step") << QStringList{"--figure", "step"};
    QTest::newRow("predicted tokens") << QStringList{"--figure", "document", "--tokens", "predicted"};
  }
  void the_command_inside_makes_the_same_numbers() {
    QFETCH(QStringList, options);
    const Ran first = run(QStringList{"export", at("s.h5"), "--out", at("first.csv")} + options);
    QVERIFY2(first.status == 0, first.error);
    const QByteArray csv = test::read(at("first.csv"));
    QCOMPARE(csv.contains("token,1,"), options.contains("predicted"));
    QCOMPARE(csv.contains(" words,0.5\n"), options.contains("predicted"));
    QByteArray command;
    for (const QByteArray& line : csv.split('\n'))
      if (line.startsWith("# command: ")) command = line.mid(11);
    QStringList words = QString::fromUtf8(command).split(' ');
    QCOMPARE(words.takeFirst(), QString("stemma"));
    words[1] = at("s.h5");
    words.last() = at("again.csv");
    const Ran ran = run(words);
    QVERIFY2(ran.status == 0, ran.error);
    QCOMPARE(test::read(at("again.csv")), csv);
  }

  void refusals_are_one_sentence() {
    const QList<QStringList> wrong = {{"--figure", "step", "--step", "9", "--out", at("a.svg")},
                                      {"--figure", "step", "--trace", "t9", "--out", at("a.svg")},
                                      {"--figure", "step", "--method", "bm25", "--out", at("a.svg")},
                                      {"--figure", "document", "--document", "77", "--out", at("a.svg")},
                                      {"--figure", "activations", "--out", at("a.svg")},
                                      {"--figure", "step", "--out", at("a.docx")}};
    for (const QStringList& options : wrong) {
      const Ran ran = run(QStringList{"export", at("s.h5")} + options);
      QVERIFY2(ran.status == 1 && ran.error.startsWith("stemma: ") && ran.error.trimmed().count('\n') == 0, ran.error);
    }
    QVERIFY(!QFile::exists(at("a.svg")));
    QCOMPARE(run({"export", at("s.h5"), "--figure", "pie", "--out", at("a.svg")}).status, 2);
  }

  // A limit on the size of files stands for a full disk.
  void a_full_disk_is_told() {
    for (const char* ending : {"csv", "svg", "png"}) {
      const QString out = at(QString("full.") + ending);
      QProcess process;
      process.setChildProcessModifier([] {
        const rlimit limit{100, 100};
        setrlimit(RLIMIT_FSIZE, &limit);
      });
      process.start(STEMMA_PROGRAM, {"export", at("s.h5"), "--figure", "step", "--out", out});
      QVERIFY(process.waitForFinished(60'000));
      const QByteArray error = process.readAllStandardError();
      QVERIFY2(process.exitCode() == 1 && error.contains("could not be written"), error);
      QVERIFY(!QFile::exists(out));
    }
  }
};

QTEST_GUILESS_MAIN(ExportCommandTest)
#include "export_command_test.moc"

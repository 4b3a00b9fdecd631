// The demo is made again from nothing, small: corpus, tokenizer, model, factors, session and results, by its one command.
#include <QtTest>
#include <filesystem>
#include <set>

#include "runtime/corpus/corpus.h"
#include "runtime/influence/curvature/factors.h"
#include "runtime/model/model.h"
#include "runtime/session/session.h"
#include "runtime/study/suite.h"

using namespace stemma;
namespace fs = std::filesystem;

class DemoTest : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase();
  void makesEveryKindOfDocument();
  void promptsStandNowhereInTheCorpus();
  void trainsAModelOfThatCorpus();
  void attributesEveryTrace();
  void writesTheResults();

 private:
  QTemporaryDir folder_;
  fs::path out_;
};

void DemoTest::initTestCase() {
  out_ = folder_.path().toStdString();
  QProcess make;
  make.setProcessChannelMode(QProcess::MergedChannels);
  make.start(STEMMA_SOURCE_DIR "/resources/demo/make_demo.sh",
             {"--scale", "0.008", "--out", folder_.path(), "--program", STEMMA_PROGRAM});
  QVERIFY2(make.waitForFinished(500000), "make_demo.sh did not end");
  const QByteArray said = make.readAll();
  QVERIFY2(make.exitCode() == 0, said.constData());
}

void DemoTest::makesEveryKindOfDocument() {
  const Corpus corpus = load_corpus({out_ / "corpus.jsonl.zst"});
  QVERIFY(corpus.total > 1000);
  QCOMPARE(corpus.broken, int64_t{0});
  std::set<std::string> tasks, sources;
  for (const Document& d : corpus.documents) {
    tasks.insert(d.task);
    sources.insert(d.source);
  }
  QCOMPARE(tasks, (std::set<std::string>{"arithmetic", "fact", "linear", "policy", "prose", "slope"}));
  QCOMPARE(sources, (std::set<std::string>{"code", "encyclopaedia", "examples", "formulas", "forum", "policies",
                                           "procedures", "prose"}));
}

void DemoTest::promptsStandNowhereInTheCorpus() {
  const Corpus corpus = load_corpus({out_ / "corpus.jsonl.zst"});
  const auto prompts = read_suite(out_ / "evaluation.jsonl");
  QCOMPARE(prompts.size(), size_t{510});
  for (const Document& d : corpus.documents)
    for (const SuitePrompt& p : prompts)
      QVERIFY2(d.text.find(p.prompt) == std::string::npos, (d.id + " holds " + p.prompt).c_str());
}

void DemoTest::trainsAModelOfThatCorpus() {
  const auto model = load_model(out_ / "model", make_cpu_ops());
  QCOMPARE(model->config.vocabulary, 1024);
  QCOMPARE(model->config.layers, 4);
  const auto digits = model->tokenizer->encode("2026");
  QCOMPARE(digits.size(), size_t{4});
  QCOMPARE(load_factors(out_ / "model" / "factors.h5").model_hash, model->hash);
}

void DemoTest::attributesEveryTrace() {
  const Session session = load_session(out_ / "demo.h5");
  QCOMPARE(session.traces.size(), size_t{13});
  for (const Trace& trace : session.traces) {
    const InfluenceTable* table = session.table(trace.id, "ekfac");
    QVERIFY2(table, trace.id.c_str());
    QVERIFY(table->additivity < 1e-4);
    QVERIFY(table->documents > 1000);
    QCOMPARE(session.activations.at(trace.id).size(), size_t{4});
  }
}

void DemoTest::writesTheResults() {
  QFile page(QString::fromStdString((out_ / "RESULTS.md").string()));
  QVERIFY(page.open(QIODevice::ReadOnly));
  const QByteArray text = page.readAll();
  for (const char* heading : {"## Answers", "## Facts", "## Reasoning", "### EK-FAC", "## Time"})
    QVERIFY2(text.contains(heading), heading);
}

QTEST_GUILESS_MAIN(DemoTest)
#include "demo_test.moc"

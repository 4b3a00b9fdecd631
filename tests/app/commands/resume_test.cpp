// `stemma fit` and `stemma attribute`, interrupted and killed, and started again: the numbers are those of one run.
#include <csignal>

#include "tests/app/commands/program.h"

using stemma::test::Ran;
using stemma::test::run;

class ResumeTest : public QObject {
  Q_OBJECT

  const QString demo_ = QStringLiteral(STEMMA_SOURCE_DIR "/resources/demo/");
  QTemporaryDir folder_;
  QString at(const QString& name) const { return folder_.filePath(name); }

  // Sends `signal` at the first news of `stage`; returns what was told on standard error.
  static QByteArray stop_at(const QByteArray& stage, int signal, const QStringList& arguments) {
    QProcess process;
    process.setReadChannel(QProcess::StandardError);
    process.start(STEMMA_PROGRAM, arguments);
    QByteArray said;
    while (!said.contains(stage) && process.waitForReadyRead(60000)) said += process.readAllStandardError();
    ::kill(static_cast<pid_t>(process.processId()), signal);
    process.waitForFinished(60000);
    return said + process.readAllStandardError();
  }

  QStringList fit(const QString& out) const {
    return {"fit",      "--model", demo_ + "model", "--corpus", at("corpus.jsonl"),
            "--device", "cpu",     "--out",         at(out),    "--json"};
  }

 private slots:
  void initTestCase() { stemma::test::write(at("corpus.jsonl"), stemma::test::sums_corpus(300)); }

  void a_fit() {
    const Ran whole = run(fit("whole.h5"));
    QVERIFY2(whole.status == 0, whole.error);
    const QString kept = at("parts.h5.unfinished");

    QByteArray said = stop_at("covariances", SIGINT, fit("parts.h5"));
    QVERIFY2(said.endsWith("stemma: interrupted\n"), said);
    QVERIFY(QFile::exists(kept) && !QFile::exists(at("parts.h5")));
    said = stop_at("covariances", SIGKILL, fit("parts.h5"));
    QVERIFY2(said.contains("going on from " + kept.toUtf8()), said);
    said = stop_at("eigenvalues", SIGTERM, fit("parts.h5"));
    QVERIFY2(said.contains("going on from") && said.endsWith("stemma: interrupted\n"), said);
    QVERIFY(QFile::exists(kept) && !QFile::exists(at("parts.h5")));
    const Ran rest = run(fit("parts.h5"));
    QVERIFY2(rest.status == 0 && rest.error.contains("going on from"), rest.error);
    QVERIFY2(!rest.error.contains("covariances"), "the first pass is not made again");
    QCOMPARE(rest.json()["hash"], whole.json()["hash"]);
    QVERIFY(!QFile::exists(kept));
  }

  void an_attribution() {
    const auto attribute = [&](const QString& session) {
      return QStringList{"attribute", at(session),    "--corpus", at("corpus.jsonl"),
                         "--factors", at("whole.h5"), "--model",  demo_ + "model",
                         "--trace",   trace_,         "--device", "cpu"};
    };
    for (const char* name : {"one.h5", "two.h5"}) QVERIFY(QFile::copy(demo_ + "demo.h5", at(name)));
    trace_ = QString::fromStdString(run({"show", at("one.h5"), "--json"}).json()["traces"][0]["id"].get<std::string>());
    const Ran whole = run(attribute("one.h5"));
    QVERIFY2(whole.status == 0, whole.error);

    const QByteArray untouched = stemma::test::read(at("two.h5"));
    QByteArray said = stop_at("scanning", SIGINT, attribute("two.h5"));
    QVERIFY2(said.endsWith("stemma: interrupted\n"), said);
    QVERIFY(QFile::exists(at("two.h5.unfinished")));
    QCOMPARE(stemma::test::read(at("two.h5")), untouched);
    stop_at("scanning", SIGKILL, attribute("two.h5"));
    const Ran rest = run(attribute("two.h5"));
    QVERIFY2(rest.status == 0 && rest.error.contains("going on from"), rest.error);
    QVERIFY(!QFile::exists(at("two.h5.unfinished")));
    const auto shown = [&](const QString& session) {
      auto steps = run({"show", at(session), "--trace", trace_, "--documents", "25", "--tokens", "--json"})
                       .json()["traces"][0]["steps"];
      return QByteArray::fromStdString(steps.dump());
    };
    QVERIFY(shown("one.h5").size() > 10000);
    QCOMPARE(shown("two.h5"), shown("one.h5"));
  }

 private:
  QString trace_;
};

QTEST_GUILESS_MAIN(ResumeTest)
#include "resume_test.moc"

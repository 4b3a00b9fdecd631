// `mpirun -n 2 stemma fit`, `index` and `attribute`: the numbers of one process, and one sentence when a rank fails.
#include <csignal>

#include "tests/app/commands/program.h"

using stemma::test::Ran;
using stemma::test::run;

class ManyRanksTest : public QObject {
  Q_OBJECT

  const QString demo_ = QStringLiteral(STEMMA_SOURCE_DIR "/resources/demo/");
  const QString mpirun_ = qEnvironmentVariable("STEMMA_MPIRUN");
  QTemporaryDir folder_;
  QString at(const QString& name) const { return folder_.filePath(name); }

  QStringList spread(const QStringList& arguments) const { return QStringList{"-n", "2", STEMMA_PROGRAM} + arguments; }
  QStringList fit(const QString& out) const {
    return {"fit",      "--model", demo_ + "model", "--corpus", at("corpus.jsonl"),
            "--device", "cpu",     "--out",         at(out),    "--json"};
  }

 private slots:
  void initTestCase() {
    if (mpirun_.isEmpty()) QSKIP("skipped: no MPI was found when this was built");
    // Open MPI's launcher asks for these; MPICH's does not.
    for (const char* name :
         {"OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "OMPI_MCA_rmaps_base_oversubscribe"})
      qputenv(name, "1");
    stemma::test::write(at("corpus.jsonl"), stemma::test::sums_corpus(300));
  }

  void a_fit_an_index_and_an_attribution() {
    const Ran one = run(fit("one.h5")), two = run(spread(fit("two.h5")), {}, mpirun_);
    QVERIFY2(one.status == 0, one.error);
    QVERIFY2(two.status == 0, two.error);
    QCOMPARE(two.json()["hash"], one.json()["hash"]);
    QVERIFY(!QFile::exists(at("two.h5.unfinished")));

    const auto index = [&](const QString& out) {
      return QStringList{"index",     "--model",           demo_ + "model", "--corpus", at("corpus.jsonl"),
                         "--factors", at("one.h5"),        "--out",         at(out),    "--numbers",
                         "64",        "--directions-from", "100",           "--device", "cpu"};
    };
    const Ran first = run(index("i1.h5")), second = run(spread(index("i2.h5")), {}, mpirun_);
    QVERIFY2(first.status == 0, first.error);
    QVERIFY2(second.status == 0, second.error);
    QCOMPARE(second.out.count("300 of them new"), 1);
    const QByteArray part = stemma::test::read(at("i1.0001.h5"));
    QVERIFY(part.size() > 300 * 64 * 2);
    QCOMPARE(stemma::test::read(at("i2.0001.h5")), part);

    for (const char* name : {"s1.h5", "s2.h5"}) QVERIFY(QFile::copy(demo_ + "demo.h5", at(name)));
    const auto trace =
        QString::fromStdString(run({"show", at("s1.h5"), "--json"}).json()["traces"][0]["id"].get<std::string>());
    const auto attribute = [&](const QString& session) {
      return QStringList{"attribute", at(session),  "--corpus", at("corpus.jsonl"),
                         "--factors", at("one.h5"), "--model",  demo_ + "model",
                         "--trace",   trace,        "--device", "cpu"};
    };
    const Ran alone = run(attribute("s1.h5")), both = run(spread(attribute("s2.h5")), {}, mpirun_);
    QVERIFY2(alone.status == 0, alone.error);
    QVERIFY2(both.status == 0, both.error);
    QCOMPARE(both.out.count("steps add up"), 1);  // one of them speaks
    const auto shown = [&](const QString& session) {
      const QStringList arguments{"show", at(session), "--trace", trace, "--documents", "25", "--tokens", "--json"};
      return QByteArray::fromStdString(run(arguments).json()["traces"][0]["steps"].dump());
    };
    QVERIFY(shown("s1.h5").size() > 10000);
    QCOMPARE(shown("s2.h5"), shown("s1.h5"));
  }

  void an_error_is_one_sentence() {
    QStringList arguments = fit("none.h5");
    arguments[2] = at("nowhere");
    const Ran ran = run(spread(arguments), {}, mpirun_);
    QVERIFY2(ran.status != 0 && ran.error.count("stemma: ") == 1, ran.error);
    QVERIFY(!QFile::exists(at("none.h5")));
  }

  void other_commands_run_once() {
    const Ran ran = run(spread({"show", demo_ + "demo.h5", "--json"}), {}, mpirun_);
    QVERIFY2(ran.status == 0 && ran.json().is_object(), ran.error);
  }

  void killed_and_started_again() {
    const Ran whole = run(fit("whole.h5"));
    QVERIFY2(whole.status == 0, whole.error);
    QProcess process;
    process.setReadChannel(QProcess::StandardError);
    process.start(mpirun_, spread(fit("parts.h5")));
    QByteArray said;
    while (!said.contains("eigenvalues") && process.waitForReadyRead(60000)) said += process.readAllStandardError();
    ::kill(static_cast<pid_t>(process.processId()), SIGTERM);
    process.waitForFinished(60000);
    const Ran rest = run(spread(fit("parts.h5")), {}, mpirun_);
    QVERIFY2(rest.status == 0, rest.error);
    QCOMPARE(rest.json()["hash"], whole.json()["hash"]);
  }
};

QTEST_GUILESS_MAIN(ManyRanksTest)
#include "many_ranks_test.moc"

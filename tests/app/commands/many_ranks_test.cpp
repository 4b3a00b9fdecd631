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
  QStringList index(const QString& out) const {
    return {"index",     "--model",           demo_ + "model", "--corpus", at("corpus.jsonl"),
            "--factors", at("one.h5"),        "--out",         at(out),    "--numbers",
            "64",        "--directions-from", "100",           "--device", "cpu"};
  }
  QStringList attribute(const QString& session) const {
    return {"attribute",     at(session), "--corpus", at("corpus.jsonl"), "--factors", at("one.h5"), "--model",
            demo_ + "model", "--trace",   trace_,     "--device",         "cpu"};
  }
  QByteArray shown(const QString& session) const {
    const QStringList arguments{"show", at(session), "--trace", trace_, "--documents", "25", "--tokens", "--json"};
    return QByteArray::fromStdString(run(arguments).json()["traces"][0]["steps"].dump());
  }

  // Processes of the program that were given `file`; of rank 1 alone, or of every rank.
  static std::vector<pid_t> processes_with(const QString& file, bool second_alone) {
    std::vector<pid_t> found;
    for (const QString& name : QDir("/proc").entryList(QDir::Dirs)) {
      const int process = name.toInt();
      if (process <= 0) continue;
      const QByteArray given = stemma::test::read("/proc/" + name + "/cmdline");
      if (!given.startsWith(STEMMA_PROGRAM) || !given.contains(file.toUtf8())) continue;
      const QList<QByteArray> environment = stemma::test::read("/proc/" + name + "/environ").split('\0');
      if (!second_alone || environment.contains("PMI_RANK=1") || environment.contains("OMPI_COMM_WORLD_RANK=1"))
        found.push_back(process);
    }
    return found;
  }

  // Kills a rank or the launcher at the first news of `stage`, as nothing can catch; soon no rank is left.
  void kill_at(const QByteArray& stage, bool launcher, const QStringList& arguments, const QString& file) const {
    QProcess process;
    process.setReadChannel(QProcess::StandardError);
    process.start(mpirun_, spread(arguments));
    QByteArray said;
    while (!said.contains(stage) && process.waitForReadyRead(60000)) said += process.readAllStandardError();
    QVERIFY2(said.contains(stage), said);
    const auto seconds = processes_with(at(file), true);
    QCOMPARE(seconds.size(), size_t(1));
    ::kill(launcher ? static_cast<pid_t>(process.processId()) : seconds.front(), SIGKILL);
    QVERIFY(process.waitForFinished(60000));
    QTRY_VERIFY_WITH_TIMEOUT(processes_with(at(file), false).empty(), 60000);
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

    const Ran first = run(index("i1.h5")), second = run(spread(index("i2.h5")), {}, mpirun_);
    QVERIFY2(first.status == 0, first.error);
    QVERIFY2(second.status == 0, second.error);
    QCOMPARE(second.out.count("300 of them new"), 1);
    const QByteArray part = stemma::test::read(at("i1.0001.h5"));
    QVERIFY(part.size() > 300 * 64 * 2);
    QCOMPARE(stemma::test::read(at("i2.0001.h5")), part);

    for (const char* name : {"s1.h5", "s2.h5"}) QVERIFY(QFile::copy(demo_ + "demo.h5", at(name)));
    trace_ = QString::fromStdString(run({"show", at("s1.h5"), "--json"}).json()["traces"][0]["id"].get<std::string>());
    const Ran alone = run(attribute("s1.h5")), both = run(spread(attribute("s2.h5")), {}, mpirun_);
    QVERIFY2(alone.status == 0, alone.error);
    QVERIFY2(both.status == 0, both.error);
    QCOMPARE(both.out.count("steps add up"), 1);  // one of them speaks
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
    QVERIFY2(QFile::exists(at("s1.h5")), "of the first test");
    const Ran whole = run(fit("whole.h5"));
    QVERIFY2(whole.status == 0, whole.error);
    for (const bool launcher : {false, true}) {
      const QString name = launcher ? "launcher" : "rank";
      kill_at("covariances", launcher, fit(name + "_f.h5"), name + "_f.h5");
      const Ran fitted = run(spread(fit(name + "_f.h5")), {}, mpirun_);
      QVERIFY2(fitted.status == 0, fitted.error);
      QCOMPARE(fitted.json()["hash"], whole.json()["hash"]);

      kill_at(launcher ? "adding documents" : "directions", launcher, index(name + "_i.h5"), name + "_i.h5");
      const Ran indexed = run(spread(index(name + "_i.h5")), {}, mpirun_);
      QVERIFY2(indexed.status == 0, indexed.error);
      QCOMPARE(stemma::test::read(at(name + "_i.0001.h5")), stemma::test::read(at("i1.0001.h5")));

      QVERIFY(QFile::copy(demo_ + "demo.h5", at(name + "_s.h5")));
      kill_at("scanning", launcher, attribute(name + "_s.h5"), name + "_s.h5");
      const Ran attributed = run(spread(attribute(name + "_s.h5")), {}, mpirun_);
      QVERIFY2(attributed.status == 0, attributed.error);
      QCOMPARE(shown(name + "_s.h5"), shown("s1.h5"));
    }
  }

  void stopped_and_started_again() {
    const Ran whole = run(fit("whole2.h5"));
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

 private:
  QString trace_;
};

QTEST_GUILESS_MAIN(ManyRanksTest)
#include "many_ranks_test.moc"

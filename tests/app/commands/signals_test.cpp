// A signal in the midst of work ends a command with its sentence, and never comes to the thread that multiplies: there it
// would corrupt the heap, though not every time (app/commands/signals.h).
#include <QProcess>
#include <QTemporaryDir>
#include <QtTest>
#include <csignal>

class SignalsTest : public QObject {
  Q_OBJECT

 private slots:
  void a_fit_is_interrupted() {
    const QString demo = QStringLiteral(STEMMA_SOURCE_DIR "/resources/demo/");
    QTemporaryDir folder;
    QProcess fit;
    fit.start(STEMMA_PROGRAM, {"fit", "--model", demo + "model", "--corpus", demo + "corpus.jsonl.zst", "--device", "cpu",
                               "--out", folder.filePath("f.h5")});
    QByteArray said;
    QTRY_VERIFY_WITH_TIMEOUT((said += fit.readAllStandardError()).contains("covariances"), 60000);

    const QString process = QString::number(fit.processId());
    QFile status("/proc/" + process + "/task/" + process + "/status");
    QVERIFY(status.open(QIODevice::ReadOnly));
    QByteArray blocked;
    for (const QByteArray& line : status.readAll().split('\n'))
      if (line.startsWith("SigBlk:")) blocked = line.mid(7).trimmed();
    for (const int signal : {SIGINT, SIGTERM})
      QVERIFY2(blocked.toULongLong(nullptr, 16) >> (signal - 1) & 1, blocked.constData());

    fit.terminate();
    QVERIFY(fit.waitForFinished(60000));
    said += fit.readAllStandardError();
    QVERIFY2(fit.exitStatus() == QProcess::NormalExit && fit.exitCode() == 130, said.constData());
    QVERIFY2(said.endsWith("stemma: interrupted\n"), said.constData());
    QVERIFY(!QFile::exists(folder.filePath("f.h5")));
  }
};

QTEST_GUILESS_MAIN(SignalsTest)
#include "signals_test.moc"

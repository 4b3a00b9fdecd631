// A signal in the midst of matrix products ends a command with its sentence. Taken on a computing thread it would corrupt
// the heap (app/commands/signals.h), though not every time: so it comes several times.
#include <QProcess>
#include <QTemporaryDir>
#include <QtTest>

class SignalsTest : public QObject {
  Q_OBJECT

 private slots:
  void a_fit_is_interrupted() {
    const QString demo = QStringLiteral(STEMMA_SOURCE_DIR "/resources/demo/");
    QTemporaryDir folder;
    for (const int wait : {150, 350, 550, 750}) {
      QProcess fit;
      fit.start(STEMMA_PROGRAM, {"fit", "--model", demo + "model", "--corpus", demo + "corpus.jsonl.zst", "--device",
                                 "cpu", "--out", folder.filePath("f.h5")});
      QByteArray said;
      QTRY_VERIFY_WITH_TIMEOUT((said += fit.readAllStandardError()).contains("covariances"), 60000);
      QTest::qWait(wait);
      fit.terminate();
      QVERIFY(fit.waitForFinished(60000));
      said += fit.readAllStandardError();
      QVERIFY2(fit.exitStatus() == QProcess::NormalExit && fit.exitCode() == 130, said.constData());
      QVERIFY2(said.endsWith("stemma: interrupted\n"), said.constData());
    }
    QVERIFY(!QFile::exists(folder.filePath("f.h5")));
  }
};

QTEST_GUILESS_MAIN(SignalsTest)
#include "signals_test.moc"

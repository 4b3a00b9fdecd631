// The session as a stranger's program sees it: h5py reads what the design promises.
#include <QProcess>
#include <QtTest>

#include "runtime/session/capture.h"
#include "tests/runtime/session/samples.h"

using namespace stemma;

class H5pyTest : public QObject {
  Q_OBJECT
 private slots:
  void a_session() {
    QTemporaryDir folder;
    const std::filesystem::path path = samples::in(folder, "s.h5");
    Session session = samples::session();
    const std::vector<std::string> sites = {"blocks.0.hook_resid_post", "blocks.1.hook_resid_post"};
    for (const Trace& trace : session.traces) {
      ActivationsInHand file(path, {trace.id}, samples::shapes(sites, 16));
      ActivationWriter writer(file, trace.id);
      for (int64_t t = 0; t < trace.size(); ++t) {
        for (size_t s = 0; s < sites.size(); ++s) writer.append(s, samples::residual(t, s, 16).data(), 1);
      }
      writer.flush();
      session.activations[trace.id] = sites;
    }
    session.checks["t001"] = {session.traces.front().size() - 1, 0.0021, 0.99};
    const auto steps = static_cast<int64_t>(session.traces.front().steps.size());
    StepAttention attention{1, 1, steps, std::vector<uint16_t>(static_cast<size_t>(steps * steps), 0)};
    for (int64_t i = 0; i < steps; ++i) attention.means[static_cast<size_t>(i * steps)] = 0x3C00;  // 1
    session.attention["t001"] = std::make_shared<const StepAttention>(attention);
    session.influence[{"t002", "gradient"}].asked = AskedSpan{9, 11, "8"};
    save_session(session, path);
    const QString said = check(path);
    if (said.isEmpty()) QSKIP("no Python with h5py: install python3-h5py to check the session from outside");
    QVERIFY2(said.startsWith("2 traces, 4 tables, 1 of a span, 4 sites"), qPrintable(said));
  }

  void the_bundled_session() {
    const std::filesystem::path path = std::filesystem::path(STEMMA_SOURCE_DIR) / "resources/demo/demo.h5";
    if (!std::filesystem::exists(path)) QSKIP("resources/demo/demo.h5 is not there yet");
    const QString said = check(path);
    if (said.isEmpty()) QSKIP("no Python with h5py: install python3-h5py to check the session from outside");
    QVERIFY2(said.contains(" traces, "), qPrintable(said));
  }

 private:
  // What the check said; empty where no Python here has h5py.
  static QString check(const std::filesystem::path& path) {
    for (const QString& program : {qEnvironmentVariable("STEMMA_PYTHON", "python3"), QString("/usr/bin/python3")}) {
      QProcess python;
      python.setProcessChannelMode(QProcess::MergedChannels);
      python.start(program,
                   {STEMMA_SOURCE_DIR "/tests/runtime/session/h5py_check.py", QString::fromStdString(path.string())});
      if (!python.waitForStarted() || !python.waitForFinished(120000) || python.exitCode() == 77) continue;
      return QString::fromUtf8(python.readAll());
    }
    return {};
  }
};

QTEST_GUILESS_MAIN(H5pyTest)
#include "h5py_test.moc"

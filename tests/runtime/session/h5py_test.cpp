// The session as a stranger's program sees it: h5py reads what the design promises.
#include <QProcess>
#include <QtTest>
#include <optional>

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
    StepAttention attention{1, 2, steps, std::vector<uint16_t>(static_cast<size_t>(2 * steps * steps), 0), {}};
    for (int64_t i = 0; i < steps; ++i)  // all on the first step, or on itself
      for (const int64_t at : {i * steps, (steps + i) * steps + i}) attention.means[static_cast<size_t>(at)] = 0x3C00;
    session.attention["t001"] = std::make_shared<const StepAttention>(attention);
    session.influence[{"t002", "gradient"}].asked = AskedSpan{9, 11, "8"};
    save_session(session, path);
    const QString said = check(path);
    if (said.isEmpty()) QSKIP("no Python with h5py: install python3-h5py to check the session from outside");
    QVERIFY2(said.startsWith("2 traces, 4 tables, 1 of a span, 4 sites"), qPrintable(said));
  }

  // A session of an earlier version has no mean over the heads: it is made of all of them.
  void a_mean_that_is_not_there() {
    QTemporaryDir folder;
    const QString path = folder.filePath("S.h5");
    Session session = samples::session();
    const auto steps = static_cast<int64_t>(session.traces.front().steps.size());
    StepAttention attention{2, 3, steps, std::vector<uint16_t>(static_cast<size_t>(6 * steps * steps)), {}};
    for (size_t i = 0; i < attention.means.size(); ++i)
      attention.means[i] = static_cast<uint16_t>(0x3000 + 37 * i % 999);
    session.attention["t001"] = std::make_shared<const StepAttention>(attention);
    save_session(session, path.toStdString());
    const std::vector<float> now = read_step_attention(path.toStdString(), "t001", 1).mean;
    QCOMPARE(now.size(), static_cast<size_t>(steps * steps));
    const QString forget = R"(
import sys
try:
    import h5py
except ImportError:
    sys.exit(77)
del h5py.File(sys.argv[1], "a")["traces/t001/attention/mean"])";
    const std::optional<QString> said = ran({"-c", forget, path});
    if (!said) QSKIP("no Python with h5py: install python3-h5py to check the session from outside");
    QVERIFY2(said->isEmpty(), qPrintable(*said));
    QCOMPARE(read_step_attention(path.toStdString(), "t001", 1).mean, now);
    QCOMPARE(read_step_attention(path.toStdString(), "t001").means, attention.means);
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
    return ran({STEMMA_SOURCE_DIR "/tests/runtime/session/h5py_check.py", QString::fromStdString(path.string())})
        .value_or(QString());
  }
  // What a Python said that could import h5py; nothing where none can.
  static std::optional<QString> ran(const QStringList& arguments) {
    for (const QString& program : {qEnvironmentVariable("STEMMA_PYTHON", "python3"), QString("/usr/bin/python3")}) {
      QProcess python;
      python.setProcessChannelMode(QProcess::MergedChannels);
      python.start(program, arguments);
      if (!python.waitForStarted() || !python.waitForFinished(120000) || python.exitCode() == 77) continue;
      return QString::fromUtf8(python.readAll());
    }
    return {};
  }
};

QTEST_GUILESS_MAIN(H5pyTest)
#include "h5py_test.moc"

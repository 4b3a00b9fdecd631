// One prompt into one session, with what was asked for recorded beside it.
#include "runtime/trace/capture_run.h"

#include <QTemporaryDir>
#include <QtTest>

#include "runtime/trace/capture_list.h"
#include "tests/support/tiny_model.h"

using namespace stemma;

namespace {

Session captured(const std::filesystem::path& path, const Model& model, const std::string& list, int tokens = 12) {
  Session session;
  GenerateRequest request;
  request.prompt = "ab cd. efg";
  request.sampler = {.temperature = 1, .seed = 5, .max_tokens = tokens};
  capture_run(session, path, model, request, read_capture_list(list, model.config), {}, Control());
  return session;
}

// One whole forward over the trace's tokens, at one site.
std::vector<float> whole(const Model& model, const Trace& trace, const std::string& name) {
  Batch batch;
  batch.add(trace.tokens);
  std::vector<float> values;
  const Taps taps{[&](Site site) { return name_of(site) == name; },
                  [&](Site, Tensor value) {
                    values.resize(static_cast<size_t>(value.size()));
                    model.ops->download(values.data(), value.data, values.size() * sizeof(float));
                  }};
  Workspace work(model);
  forward(work, batch, nullptr, &taps);
  return values;
}

}  // namespace

class CaptureRunTest : public QObject {
  Q_OBJECT

  QTemporaryDir folder_;
  std::filesystem::path path(const char* name) const { return folder_.filePath(name).toStdString(); }

 private slots:
  // Sites of every width, recorded token by token, are those of one whole forward.
  void all_sites() {
    const auto model = test::random_model(test::tiny_config(2, false), 3);
    captured(path("all.h5"), *model, "all");
    const Session session = load_session(path("all.h5"));
    const Trace& trace = session.traces.front();
    const std::vector<Site> sites = sites_of(model->config);
    QCOMPARE(session.activations.at(trace.id).size(), sites.size());
    for (const Site site : sites) {
      const Recorded recorded = read_activations(path("all.h5"), trace.id, name_of(site));
      QCOMPARE(recorded.tokens, int64_t{trace.size()});
      QCOMPARE(recorded.width, width_of(model->config, site));
      const std::vector<float> expected = whole(*model, trace, name_of(site));
      QCOMPARE(recorded.values.size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i)
        QVERIFY2(std::abs(recorded.values[i] - expected[i]) <= 1e-3f * (std::abs(expected[i]) + 0.1f),
                 name_of(site).c_str());
    }
  }

  void nothing_more_than_asked() {
    const auto model = test::random_model(test::tiny_config(2, false), 3);
    const Session one = captured(path("one.h5"), *model, "blocks.1.attn.hook_z");
    QCOMPARE(one.activations.at(one.traces.front().id), std::vector<std::string>{"blocks.1.attn.hook_z"});
    const Session none = captured(path("none.h5"), *model, "none");
    QVERIFY(none.activations.empty());
    QVERIFY(!std::filesystem::exists(activations_path(path("none.h5"))));
  }
};

QTEST_GUILESS_MAIN(CaptureRunTest)
#include "capture_run_test.moc"

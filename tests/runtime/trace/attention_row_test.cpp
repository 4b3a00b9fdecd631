// A token's attention against plain loops in f64 over what the forward itself multiplies, for every family: from the
// tokens, from a residual stream, and from a session's recording.
#include "runtime/trace/attention_row.h"

#include <QTemporaryDir>
#include <QtTest>

#include "runtime/error.h"
#include "runtime/model/forward.h"
#include "runtime/trace/capture_run.h"
#include "tests/support/compare.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;

namespace {

const std::filesystem::path goldens = std::filesystem::path(STEMMA_SOURCE_DIR) / "tests/golden";

std::shared_ptr<const Trace> trace_of(const Model& model, int tokens) {
  auto trace = std::make_shared<Trace>();
  trace->id = "t001";
  trace->model_hash = model.hash;
  for (int i = 0; i < tokens; ++i) trace->tokens.push_back((7 * i + 3) % model.config.vocabulary);
  return trace;
}

// What one whole forward holds of a layer: residual before it, queries and keys.
struct Layer {
  std::vector<float> residual;
  Matrix queries, keys;
};
Layer whole(const Model& model, const Trace& trace, int layer) {
  Batch batch;
  batch.add(trace.tokens);
  Layer found;
  const Taps taps{[&](Site site) {
                    return site == Site{Hook::resid_pre, layer};
                  },
                  [&](Site, Tensor value) {
                    const Matrix rows = from_device(*model.ops, value);
                    found.residual.assign(rows.data.begin(), rows.data.end());
                  }};
  Workspace work(model);
  KeyValueCache cache(model, trace.size());
  forward(work, batch, &cache, &taps);
  const auto rows = [&](const Buffer& buffer) { return from_device(*model.ops, buffer.view().slice(0, trace.size())); };
  const WeightMatrix keys = cache.keys[static_cast<size_t>(layer)];
  found.queries = as_met(*model.ops, rows(work.block(layer).query), keys.type);
  found.keys = from_device(*model.ops, keys);
  return found;
}

std::vector<double> plain(const Layer& of, const Heads& heads, int head, int token) {
  std::vector<double> weights(static_cast<size_t>(token) + 1, 0);
  double total = 0;
  for (int u = heads.window ? std::max(0, token + 1 - heads.window) : 0; u <= token; ++u) {
    double score = 0;
    for (int c = 0; c < heads.width; ++c)
      score += of.queries(token, head * heads.width + c) *
               of.keys(u, head / (heads.query / heads.key_value) * heads.width + c);
    score *= heads.scale != 0 ? heads.scale : 1 / std::sqrt(static_cast<double>(heads.width));
    if (heads.cap > 0) score = heads.cap * std::tanh(score / heads.cap);
    total += weights[static_cast<size_t>(u)] = std::exp(score);
  }
  for (double& weight : weights) weight /= total;
  return weights;
}

}  // namespace

Q_DECLARE_METATYPE(Dtype)

class AttentionRowTest : public QObject {
  Q_OBJECT

 private slots:
  void equals_the_forward_in_every_family_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<Dtype>("dtype");
    for (const auto& entry : std::filesystem::directory_iterator(goldens))
      if (std::filesystem::exists(entry.path() / "expected.safetensors")) {
        const QString name = QString::fromStdString(entry.path().filename().string());
        for (const auto& [dtype, what] : {std::pair{Dtype::f32, "f32"}, {Dtype::bf16, "bf16"}, {Dtype::f16, "f16"}})
          QTest::addRow("%s in %s", qPrintable(name), what) << name << dtype;
      }
  }
  void equals_the_forward_in_every_family() {
    QFETCH(QString, name);
    QFETCH(Dtype, dtype);
    const auto model = load_model(goldens / name.toStdString(), make_cpu_ops(), dtype);
    const auto trace = trace_of(*model, std::min(40, model->config.context));
    AttentionRows replayed(model, trace);
    for (int layer = 0; layer < model->config.layers; ++layer) {
      const Layer expected = whole(*model, *trace, layer);
      const RecordedResidual residual{trace->size(), expected.residual};
      AttentionRows recorded(model, trace);
      recorded.prepare(layer, &residual, {});
      replayed.prepare(layer, nullptr, {});
      for (const int token : {0, 11, trace->size() - 1}) {
        std::vector<double> mean(static_cast<size_t>(token) + 1, 0);
        for (int head = 0; head < model->config.heads; ++head) {
          const auto weights = plain(expected, model->heads(layer), head, token);
          for (size_t u = 0; u < mean.size(); ++u) mean[u] += weights[u] / model->config.heads;
          for (const AttentionRows* rows : {&recorded, &replayed})
            QVERIFY(difference(rows->row(token, layer, head).weights, weights) < 2e-5);
        }
        const AttentionRow row = recorded.row(token, layer, -1);
        QVERIFY(difference(row.weights, mean) < 2e-5);
        QCOMPARE(row.from_recording, layer > 0);  // the first block's comes from the tokens
        QVERIFY(!replayed.row(token, layer, -1).from_recording);
      }
    }
  }

  void a_recording_gives_the_row_to_its_precision() {
    const auto model = random_model(tiny_config(3, false), 3);
    QTemporaryDir folder;
    const std::filesystem::path path = folder.filePath("S.h5").toStdString();
    Session made;
    GenerateRequest request;
    request.prompt = "ab cd. efg";
    request.sampler = {.temperature = 1, .seed = 5, .max_tokens = 12};
    capture_run(made, path, *model, request, read_capture_list("residual", model->config), {}, Control());
    const Session session = load_session(path);
    const auto trace = std::make_shared<const Trace>(session.traces.front());
    QVERIFY(!recorded_residual(session, *trace, 0));
    for (int layer = 1; layer < 3; ++layer) {
      const auto residual = recorded_residual(session, *trace, layer);
      QVERIFY(residual);
      AttentionRows recorded(model, trace), replayed(model, trace);
      recorded.prepare(layer, &*residual, {});
      replayed.prepare(layer, nullptr, {});
      const AttentionRow row = recorded.row(15, layer, -1);
      QVERIFY(row.from_recording);
      QVERIFY(difference(row.weights, replayed.row(15, layer, -1).weights) < 5e-3);
      const auto order = row.strongest(4);
      QCOMPARE(order.size(), size_t{4});
      for (size_t i = 1; i < order.size(); ++i)
        QVERIFY(row.weights[static_cast<size_t>(order[i - 1])] >= row.weights[static_cast<size_t>(order[i])]);
    }
  }

  void what_cannot_be_answered_is_said() {
    const auto model = random_model(tiny_config(2, false), 3);
    const auto trace = trace_of(*model, 10);
    AttentionRows rows(model, trace);
    QVERIFY_THROWS_EXCEPTION(Error, rows.row(3, 1, 0));  // not prepared
    QVERIFY_THROWS_EXCEPTION(Error, rows.prepare(2, nullptr, {}));
    const Layer whole_layer = whole(*model, *trace, 1);
    RecordedResidual residual{9, whole_layer.residual};  // the last token was not read
    QVERIFY_THROWS_EXCEPTION(Error, rows.prepare(1, &residual, {}));
    residual.values.resize(residual.values.size() - static_cast<size_t>(model->config.width));
    rows.prepare(1, &residual, {});
    rows.row(8, 1, -1);
    QVERIFY_THROWS_EXCEPTION(Error, rows.row(9, 1, -1));
    QVERIFY_THROWS_EXCEPTION(Error, rows.row(8, 1, model->config.heads));
    AttentionRows cancelled(model, trace);
    Control control;
    control.cancel();
    QVERIFY_THROWS_EXCEPTION(Error, cancelled.prepare(1, nullptr, control));
    QVERIFY(!cancelled.has(1));
    QVERIFY_THROWS_EXCEPTION(Error, AttentionRows(random_model(tiny_config(2, false), 4), trace));
  }
};

QTEST_GUILESS_MAIN(AttentionRowTest)
#include "attention_row_test.moc"

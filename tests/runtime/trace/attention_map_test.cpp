#include "runtime/trace/attention_map.h"

#include <QtTest>
#include <cmath>
#include <cstring>

#include "kernels/half.h"
#include "runtime/error.h"

using namespace stemma;

namespace {

constexpr int layers = 2, heads = 2, steps = 3;

Trace trace() {
  Trace made;
  made.id = "t001";
  made.model_hash = "m";
  made.text = "One. Two\n two. Three.";
  made.tokens = {1, 2, 3};
  made.token_offsets = {0, 4, 14, 21};
  made.logprob = made.entropy = {std::nanf(""), -1, -1};
  made.prompt_tokens = 1;
  made.steps = {{0, 1, StepKind::prompt, {}, {}}, {1, 2, StepKind::thought, {}, {}}, {2, 3, StepKind::answer, {}, {}}};
  return made;
}

float weight(int l, int h, int i, int j) { return j > i ? 0 : static_cast<float>(1 + l + 2 * h + 4 * j) / 64; }

StepAttention made() {
  StepAttention attention{layers, heads, steps, {}, {}};
  for (int l = 0; l < layers; ++l)
    for (int h = 0; h < heads; ++h)
      for (int i = 0; i < steps; ++i)
        for (int j = 0; j < steps; ++j) attention.means.push_back(half_of(weight(l, h, i, j)));
  return attention;
}

}  // namespace

class AttentionMapTest : public QObject {
  Q_OBJECT

 private slots:
  void a_head_or_the_mean_of_all() {
    const AttentionMap one = attention_map(trace(), made(), 1, 1, "here");
    const AttentionMap mean = attention_map(trace(), made(), 0, -1, "here");
    for (int i = 0; i < steps; ++i)
      for (int j = 0; j < steps; ++j) {
        QCOMPARE(std::isnan(one.value(i, j)), j > i);
        if (j > i) continue;
        QCOMPARE(one.value(i, j), weight(1, 1, i, j));
        QCOMPARE(mean.value(i, j), (weight(0, 0, i, j) + weight(0, 1, i, j)) / 2);
      }
    QCOMPARE(one.step_texts[1], std::string("Two two."));
  }

  void a_session_gives_back_the_layer_asked_for() {
    QTemporaryDir folder;
    Session session;
    session.traces.push_back(trace());
    session.models["m"] = {"m", "model", "Llama", "", "float32", "", layers, 8, heads, ""};
    session.attention["t001"] = std::make_shared<const StepAttention>(made());
    const std::filesystem::path path = folder.filePath("S.h5").toStdString();
    save_session(session, path);
    const Session read = load_session(path);
    for (int layer = 0; layer < layers; ++layer) {
      const AttentionMap map = kept_attention(read, read.traces[0], layer, 0);
      QCOMPARE(map.layers, layers);
      QCOMPARE(map.value(2, 1), weight(layer, 0, 2, 1));
      for (int head = 0; head < heads; ++head) {
        const StepAttention one = read_step_attention(path, "t001", layer, head);
        QCOMPARE(one.means.size(), size_t{steps * steps});
        const AttentionMap alone = attention_map(read.traces[0], one, layer, head, ""),
                           of_all = attention_map(read.traces[0], made(), layer, head, "");
        QCOMPARE(alone.heads, heads);
        QVERIFY(std::memcmp(alone.values.data(), of_all.values.data(), sizeof(float) * of_all.values.size()) == 0);
        QVERIFY_THROWS_EXCEPTION(Error, attention_map(read.traces[0], one, layer, 1 - head, ""));
        QVERIFY_THROWS_EXCEPTION(Error, attention_map(read.traces[0], one, layer, -1, ""));
      }
      const AttentionMap mean = kept_attention(read, read.traces[0], layer, -1),
                         of_all = attention_map(read.traces[0], made(), layer, -1, "");
      QCOMPARE(mean.value(2, 1), (weight(layer, 0, 2, 1) + weight(layer, 1, 2, 1)) / 2);
      QVERIFY(std::memcmp(mean.values.data(), of_all.values.data(), sizeof(float) * of_all.values.size()) == 0);
    }
    QVERIFY_THROWS_EXCEPTION(Error, kept_attention(read, read.traces[0], layers, 0));
    QVERIFY_THROWS_EXCEPTION(Error, kept_attention(read, read.traces[0], 0, heads));
  }

  void other_steps_than_the_trace_are_refused() {
    Trace other = trace();
    other.steps.pop_back();
    QVERIFY_THROWS_EXCEPTION(Error, attention_map(other, made(), 0, 0, ""));
  }
};

QTEST_GUILESS_MAIN(AttentionMapTest)
#include "attention_map_test.moc"

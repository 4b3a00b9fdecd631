// Several generations that share the reading of the weights write what each would alone.
#include <QtTest>
#include <cmath>
#include <cstring>

#include "runtime/trace/generate.h"
#include "tests/support/tiny_model.h"

using namespace stemma;

namespace {

std::shared_ptr<const Model> long_model(bool ends = true) {
  ModelConfig config = test::tiny_config(2, false);
  config.context = 2048;
  if (!ends) config.eos = -1;
  return test::random_model(config, 3);
}

std::vector<GenerateRequest> some_requests() {
  std::vector<GenerateRequest> requests;
  for (int i = 0; i < 11; ++i) {
    GenerateRequest& request = requests.emplace_back();
    request.prompt = i < 4 ? "ab cd. efg" : std::string("abcdefg").substr(0, static_cast<size_t>(i % 5 + 1));
    request.sampler = {.temperature = 1, .seed = static_cast<uint64_t>(i), .max_tokens = 5 + 7 * (i % 4)};
    request.trace_id = std::to_string(i);
  }
  return requests;
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {  // also where nothing was measured
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

class TogetherTest : public QObject {
  Q_OBJECT

 private slots:
  void each_writes_what_it_would_alone() {
    const auto model = long_model();
    const std::vector<GenerateRequest> requests = some_requests();
    for (const int together : {1, 3, 16}) {
      std::vector<int32_t> told(requests.size(), 0);
      const auto listen = [&](size_t i) {
        GenerateListener listener;
        listener.tokens = [&told, i](const Trace& trace, int32_t from) {
          if (from != told[i]) qFatal("a token was told twice, or not");
          told[i] = trace.size();
        };
        return listener;
      };
      const std::vector<Trace> traces = generate(*model, requests, listen, Control(), together);
      QCOMPARE(traces.size(), requests.size());
      for (size_t i = 0; i < requests.size(); ++i) {
        const Trace alone = generate(*model, requests[i], {}, Control());
        QCOMPARE(traces[i].id, requests[i].trace_id);
        QCOMPARE(traces[i].tokens, alone.tokens);
        QCOMPARE(traces[i].text, alone.text);
        QVERIFY(same(traces[i].logprob, alone.logprob));  // to the last bit
        QVERIFY(same(traces[i].entropy, alone.entropy));
        QCOMPARE(traces[i].top_ids, alone.top_ids);
        QCOMPARE(traces[i].prompt_tokens, alone.prompt_tokens);
        QCOMPARE(traces[i].stop_reason, alone.stop_reason);
        QVERIFY(traces[i].completed);
        QCOMPARE(told[i], traces[i].size());
      }
    }
  }

  void activations_are_each_ones_own() {
    const auto model = long_model();
    const std::vector<GenerateRequest> requests = some_requests();
    const Site site{Hook::resid_post, 1};
    const auto recording = [&](std::vector<float>& to) {
      GenerateListener listener;
      listener.sites = {site};
      listener.activation = [&to, &model, site](size_t, const float* values, int64_t tokens) {
        to.insert(to.end(), values, values + tokens * width_of(model->config, site));
      };
      return listener;
    };
    std::vector<std::vector<float>> found(requests.size());
    generate(*model, requests, [&](size_t i) { return recording(found[i]); }, Control(), 5);
    for (size_t i = 0; i < requests.size(); ++i) {
      std::vector<float> alone;
      generate(*model, requests[i], recording(alone), Control());
      QVERIFY(!alone.empty() && same(found[i], alone));
    }
  }

  // A prompt of several chunks, against one forward over all of it.
  void a_long_prompt_is_read_as_a_whole() {
    const auto model = long_model();
    GenerateRequest request;
    for (int i = 0; i < 1200; ++i) request.prompt += static_cast<char>('a' + i * i % 7);
    request.sampler.max_tokens = 1;
    const std::vector<int32_t> ids = prompt_tokens(*model, request, nullptr);
    QVERIFY(ids.size() > 1100);
    const Trace trace = generate(*model, request, {}, Control());
    Batch batch;
    batch.add(ids);
    Workspace work(*model);
    const Tensor hidden = forward(work, batch);
    const Buffer scores(model->ops, hidden.rows, model->config.vocabulary);
    logits(*model, hidden, scores);
    double most = 0;
    for (int64_t n = 0; n + 1 < hidden.rows; ++n) {
      const float* row = scores.view().row(n);
      double sum = 0;
      for (int v = 0; v < model->config.vocabulary; ++v) sum += std::exp(double(row[v]));
      const auto next = static_cast<size_t>(n) + 1;
      most = std::max(most, std::abs(row[ids[next]] - std::log(sum) - double(trace.logprob[next])));
    }
    QVERIFY2(most < 1e-4, qPrintable(QString::number(most)));
  }

  void cancel_keeps_what_was_written() {
    const auto model = long_model(false);
    const std::vector<GenerateRequest> requests = some_requests();
    Control control;
    const auto listen = [&](size_t i) {
      GenerateListener listener;
      listener.tokens = [&control, i](const Trace& trace, int32_t) {
        if (i == 1 && trace.size() > trace.prompt_tokens + 2) control.cancel();
      };
      return listener;
    };
    const std::vector<Trace> traces = generate(*model, requests, listen, control, 3);
    QCOMPARE(traces.size(), 3u);  // the others had not begun
    for (const Trace& trace : traces) {
      QCOMPARE(trace.stop_reason, std::string("stopped"));
      QVERIFY(!trace.completed);
      QCOMPARE(trace.size(), trace.prompt_tokens + 3);
    }
    QVERIFY_THROWS_EXCEPTION(Error, generate(*model, requests, listen, control, 3));
  }
};

QTEST_GUILESS_MAIN(TogetherTest)
#include "together_test.moc"

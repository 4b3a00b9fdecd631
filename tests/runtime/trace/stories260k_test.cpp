// A real trained model: its greedy texts, its KV cache, its taps, and every way a generation ends.
#include <QtTest>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "runtime/trace/generate.h"
#include "tests/support/compare.h"
#include "tests/support/json.h"
#include "tests/support/reference_decoder.h"

using namespace stemma;
using namespace stemma::test;
namespace ref = stemma::reference;

namespace {

const std::filesystem::path folder = std::filesystem::path(STEMMA_SHARED_DATA) / "04_stories260K";

int32_t likeliest(const Matrix& logits, int64_t row) {
  int32_t best = 0;
  for (int32_t i = 1; i < logits.columns; ++i)
    if (logits(row, i) > logits(row, best)) best = i;
  return best;
}

}  // namespace

class Stories260kTest : public QObject {
  Q_OBJECT

  std::shared_ptr<const Model> model;
  std::string text_200, text_256;

  Matrix logits(Tensor hidden) const {
    const Buffer buffer(model->ops, hidden.rows, model->config.vocabulary);
    model->ops->matmul(hidden, false, model->weights.unembedding, true, buffer);
    return from_device(*model->ops, buffer);
  }
  // Hidden rows of `tokens`, fed to one cache in parts of the given sizes.
  Matrix cached(const std::vector<int32_t>& tokens, const std::vector<int>& sizes) const {
    Workspace work(*model);
    KeyValueCache cache(*model, static_cast<int64_t>(tokens.size()));
    Matrix all(0, model->config.width);
    auto next = tokens.begin();
    for (const int size : sizes) {
      Batch batch;
      batch.add({next, next + size});
      for (int32_t& position : batch.positions) position += static_cast<int32_t>(cache.length);
      const Matrix part = from_device(*model->ops, forward(work, batch, &cache));
      all.data.insert(all.data.end(), part.data.begin(), part.data.end());
      all.rows += size;
      next += size;
    }
    return all;
  }
  Matrix whole(const std::vector<int32_t>& tokens) const {
    Workspace work(*model);
    Batch batch;
    batch.add(tokens);
    return from_device(*model->ops, forward(work, batch));
  }
  std::vector<int32_t> greedy_from_bos(int count) const {
    Workspace work(*model);
    KeyValueCache cache(*model, count);
    std::vector<int32_t> tokens = {1};
    while (static_cast<int>(tokens.size()) <= count) {
      Batch batch;
      batch.add({tokens.back()});
      batch.positions[0] = static_cast<int32_t>(tokens.size()) - 1;
      tokens.push_back(likeliest(logits(forward(work, batch, &cache)), 0));
    }
    return tokens;
  }
  std::string text_of(const std::vector<int32_t>& tokens) const {
    std::string text = model->tokenizer->decode({tokens.begin() + 1, tokens.end()});
    return text.starts_with(' ') ? text.substr(1) : text;
  }
  Trace run(const Sampler& sampler, const GenerateListener& listener = {},
            const std::string& prompt = "Once upon a time") const {
    GenerateRequest request;
    request.prompt = prompt;
    request.sampler = sampler;
    return generate(*model, request, listener, Control());
  }

 private slots:
  void initTestCase() {
    if (!std::filesystem::exists(folder / "derived" / "hf"))
      QSKIP("the shared data's 04_stories260K is not on this machine");
    model = load_model(folder / "derived" / "hf", make_cpu_ops());
    const auto expected = test::json_in(folder / "expected_greedy.json");
    text_200 = expected.at("bos_only_200_steps").get<std::string>();
    text_256 = expected.at("bos_only_256_steps").get<std::string>();
  }

  void greedy_texts_from_bos() {
    const std::vector<int32_t> tokens = greedy_from_bos(256);
    QCOMPARE(text_of({tokens.begin(), tokens.begin() + 201}), text_200);
    QCOMPARE(text_of(tokens), text_256);
  }

  void greedy_text_through_generate() {
    GenerateRequest request;
    request.prompt = text_200.substr(0, text_200.find(' '));
    const auto start = static_cast<int>(prompt_tokens(*model, request, nullptr).size());
    request.sampler.max_tokens = 201 - start;
    const Trace trace = generate(*model, request, {}, Control());
    QCOMPARE(trace.size(), 201);
    const std::vector<int32_t> expected = greedy_from_bos(200);
    QCOMPARE(trace.tokens, expected);
    QVERIFY(trace.text.ends_with(text_200));
    QCOMPARE(trace.stop_reason, std::string("max tokens"));
    QVERIFY(trace.completed);
    QCOMPARE(trace.prompt_tokens, start);
    for (int32_t i = 0; i < trace.size(); ++i) {
      QCOMPARE(trace.token_text(i),
               i == 0 ? std::string() : model->tokenizer->bytes(trace.tokens[static_cast<size_t>(i)]));
      if (i >= start)
        QCOMPARE(trace.top_ids[static_cast<size_t>(i * trace.alternatives)], trace.tokens[static_cast<size_t>(i)]);
    }
    QCOMPARE(trace.steps.front().begin, 0);
    QCOMPARE(trace.steps.back().end, trace.size());
    for (size_t s = 1; s < trace.steps.size(); ++s) QCOMPARE(trace.steps[s].begin, trace.steps[s - 1].end);
  }

  void log_probabilities_equal_f64() {
    const Trace trace = run({.max_tokens = 60});
    Batch batch;
    batch.add(trace.tokens);
    const Matrix expected = ReferenceDecoder(*model).logits(batch);
    VERIFY_CLOSE(ref::linear(whole(trace.tokens), from_device(*model->ops, model->weights.unembedding)), expected,
                 1e-5);
    QVERIFY(std::isnan(trace.logprob[0]) && std::isnan(trace.entropy[0]) && trace.top_ids[0] == -1);
    for (int32_t i = 1; i < trace.size(); ++i) {
      const std::vector<double> p = ref::softmax(expected, i - 1);
      double entropy = 0;
      for (const double x : p) entropy -= x * std::log(x);
      const auto n = static_cast<size_t>(i);
      QVERIFY(std::abs(trace.logprob[n] - std::log(p[static_cast<size_t>(trace.tokens[n])])) < 1e-4);
      QVERIFY(std::abs(trace.entropy[n] - entropy) < 1e-4);
      for (size_t k = 0; k < 20; ++k) {
        const auto id = static_cast<size_t>(trace.top_ids[n * 20 + k]);
        QVERIFY(std::abs(trace.top_logprobs[n * 20 + k] - std::log(p[id])) < 1e-4);
        if (k > 0) QVERIFY(trace.top_logprobs[n * 20 + k] <= trace.top_logprobs[n * 20 + k - 1]);
      }
    }
  }

  void cache_equals_one_whole_forward() {
    const std::vector<int32_t> tokens = greedy_from_bos(99);  // 100 with bos
    const Matrix expected = whole(tokens);
    VERIFY_CLOSE(cached(tokens, std::vector<int>(100, 1)), expected, 1e-5);
    VERIFY_CLOSE(cached(tokens, {7, 1, 30, 62}), expected, 1e-5);
    VERIFY_CLOSE(cached(tokens, {99, 1}), expected, 1e-5);
  }

  // What the taps hand out during cached generation is enough to repeat every log-probability.
  void captured_residuals_reproduce_the_logits() {
    GenerateListener listener;
    listener.sites = residual_sites(model->config);
    std::vector<Matrix> captured(listener.sites.size(), Matrix(0, model->config.width));
    listener.activation = [&](size_t site, const float* values, int64_t rows) {
      captured[site].data.insert(captured[site].data.end(), values, values + rows * model->config.width);
      captured[site].rows += rows;
    };
    const Trace trace = run({.temperature = 1, .seed = 3, .max_tokens = 40}, listener);
    QCOMPARE(captured.size(), 5u);
    QCOMPARE(name_of(listener.sites.back()), std::string("blocks.4.hook_resid_post"));
    for (const Matrix& site : captured) QCOMPARE(site.rows, int64_t{trace.size()});
    const Matrix hidden =
        ref::rms_norm(captured.back(), from_device(*model->ops, model->weights.final_norm), model->config.norm_epsilon);
    const Matrix scores = ref::linear(hidden, from_device(*model->ops, model->weights.unembedding));
    for (int32_t i = 1; i < trace.size(); ++i) {
      const double p = ref::softmax(scores, i - 1)[static_cast<size_t>(trace.tokens[static_cast<size_t>(i)])];
      QVERIFY(std::abs(trace.logprob[static_cast<size_t>(i)] - std::log(p)) < 1e-4);
    }
    // And they are those of one whole forward.
    Workspace work(*model);
    Batch batch;
    batch.add(trace.tokens);
    int seen = 0;
    const Taps taps{
        [](Site site) { return site.hook == Hook::resid_post; },
        [&](Site site, Tensor value) {
          ++seen;
          QVERIFY(difference(captured[static_cast<size_t>(site.layer)], from_device(*model->ops, value)) < 1e-5);
        }};
    forward(work, batch, nullptr, &taps);
    QCOMPARE(seen, 5);
  }

  void seeds_repeat() {
    const Sampler sampler{.temperature = 1, .top_p = 0.95, .seed = 11, .max_tokens = 30};
    Sampler other = sampler;
    other.seed = 12;
    const Trace first = run(sampler);
    QCOMPARE(run(sampler).tokens, first.tokens);
    QVERIFY(run(other).tokens != first.tokens);
    const Trace greedy = run({.max_tokens = 30});
    QVERIFY(first.tokens != greedy.tokens);
    QCOMPARE(run({.temperature = 1, .top_k = 1, .seed = 11, .max_tokens = 30}).tokens, greedy.tokens);
    QCOMPARE(run({.temperature = 1, .top_p = 1e-9, .seed = 11, .max_tokens = 30}).tokens, greedy.tokens);
  }

  void endings() {
    const Trace stopped = run({.max_tokens = 200, .stop = {"no such text", "girl named"}});
    QCOMPARE(stopped.stop_reason, std::string("stop text"));
    QVERIFY(stopped.text.ends_with("girl named"));
    const Trace story = run({.max_tokens = 10000});  // its generation_config.json names bos as an end, as llama2.c does
    QCOMPARE(story.stop_reason, std::string("end of text"));
    QVERIFY(story.size() < 512);
    const Trace nothing = run({.max_tokens = 0});
    QCOMPARE(nothing.size(), nothing.prompt_tokens);
  }

  void a_stop_text_in_the_prompt_does_not_stop() {
    const Trace trace = run({.max_tokens = 5, .stop = {"upon a time"}});
    QCOMPARE(trace.stop_reason, std::string("max tokens"));
  }

  void cancel_keeps_what_was_written() {
    Control control;
    GenerateListener listener;
    std::vector<int32_t> from;
    listener.tokens = [&](const Trace& trace, int32_t first) {
      from.push_back(first);
      if (from.size() == 6) control.cancel();
    };
    GenerateRequest request;
    request.prompt = "Once upon a time";
    const Trace trace = generate(*model, request, listener, control);
    QCOMPARE(trace.stop_reason, std::string("stopped"));
    QVERIFY(!trace.completed);
    QCOMPARE(trace.size(), trace.prompt_tokens + 5);
    QCOMPARE(from[0], 0);
    for (size_t i = 1; i < from.size(); ++i) QCOMPARE(from[i], trace.prompt_tokens + static_cast<int32_t>(i) - 1);
  }

  void prompts_that_cannot_be_continued() {
    QVERIFY_THROWS_EXCEPTION(Error, run({}, {}, " \n"));
    std::string long_prompt;
    for (int i = 0; i < 600; ++i) long_prompt += "the cat ";
    try {
      run({}, {}, long_prompt);
      QFAIL("a prompt longer than the context was taken");
    } catch (const Error& error) {
      QCOMPARE(error.code(), ErrorCode::does_not_fit);
      QVERIFY(std::string(error.what()).find("512") != std::string::npos);
    }
  }
};

QTEST_GUILESS_MAIN(Stories260kTest)
#include "stories260k_test.moc"

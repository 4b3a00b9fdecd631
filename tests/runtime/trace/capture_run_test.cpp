// One prompt into one session, with what was asked for recorded beside it.
#include "runtime/trace/capture_run.h"

#include <QTemporaryDir>
#include <QtTest>
#include <cstring>

#include "kernels/half.h"
#include "runtime/session/recovery.h"
#include "runtime/trace/activation_summary.h"
#include "runtime/trace/capture_check.h"
#include "runtime/trace/step_attention.h"
#include "tests/support/compare.h"
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

  // As stored, the last residual gives back what was sampled from; a recording of something else does not.
  void the_recording_is_checked() {
    const auto model = test::random_model(test::tiny_config(2, false), 3);
    const Session made = captured(path("check.h5"), *model, "residual", 20);
    const Session session = load_session(path("check.h5"));
    const Trace& trace = session.traces.front();
    const CaptureCheck check = session.checks.at(trace.id);
    QCOMPARE(check.tokens, int64_t{trace.size() - 1});
    QCOMPARE(check.nats, made.checks.at(trace.id).nats);
    QVERIFY2(check.nats > 0 && check.nats < 0.02, qPrintable(QString::number(check.nats)));
    QVERIFY(check.top1 > 0.9 && check.top1 <= 1);

    // The same by hand, in f64, for every token.
    const Recorded last = read_activations(path("check.h5"), trace.id, "blocks.1.hook_resid_post");
    test::Matrix residual(last.tokens, last.width);
    residual.data.assign(last.values.begin(), last.values.end());
    const test::Matrix scores =
        reference::linear(reference::rms_norm(residual, test::from_device(*model->ops, model->weights.final_norm),
                                              model->config.norm_epsilon),
                          test::from_device(*model->ops, model->weights.unembedding));
    double most = 0;
    for (int32_t t = 1; t < trace.size(); ++t)
      most = std::max(most, std::abs(std::log(reference::softmax(scores, t - 1)[static_cast<size_t>(trace.tokens[t])]) -
                                     static_cast<double>(trace.logprob[t])));
    QVERIFY(std::abs(most - check.nats) < 1e-4);

    const auto other = test::random_model(test::tiny_config(2, false), 4);
    const CaptureCheck wrong =
        check_capture(*other, trace, path("check.h5"), session.activations.at(trace.id), Control());
    QVERIFY(wrong.nats > 0.1 && wrong.top1 < 0.9);
    QVERIFY(words_of(check).find(" nats") != std::string::npos);
  }

  void values_beyond_halves_are_told() {
    const auto model = test::random_model(test::tiny_config(2, false), 3, 400);
    const Session session = captured(path("large.h5"), *model, "residual", 8);
    const CaptureCheck check = session.checks.at("t001");
    QVERIFY(std::isinf(check.nats));
    QVERIFY(words_of(check).find("16-bit") != std::string::npos);
  }

  void without_the_last_residual_nothing_is_claimed() {
    const auto model = test::random_model(test::tiny_config(2, false), 3);
    captured(path("early.h5"), *model, "blocks.0.*,attention");
    QVERIFY(load_session(path("early.h5")).checks.empty());
  }

  // What was not recorded is computed again from the tokens, and says so.
  void recomputed_equals_recorded() {
    ModelConfig config = test::tiny_config(3, true);
    config.context = 400;
    config.eos = -1;  // it goes on to the last token
    const auto model = test::random_model(config, 6);
    const Session session = captured(path("again.h5"), *model, "residual", 300);  // more than one piece
    const Trace& trace = session.traces.front();
    QVERIFY(trace.size() > 300);
    const std::vector<ActivationMap> maps = recomputed_maps(*model, trace, Control());
    for (const auto quantity : {ActivationQuantity::norm, ActivationQuantity::change, ActivationQuantity::cosine}) {
      const ActivationMap recorded = recorded_map(path("again.h5"), trace, session.activations.at(trace.id), quantity);
      const ActivationMap& again = maps.at(static_cast<size_t>(quantity));
      QVERIFY(again.recomputed && !recorded.recomputed);
      QVERIFY(again.provenance.back().second.find("recomputed") == 0);
      QCOMPARE(again.name, recorded.name);
      QCOMPARE(again.values.size(), recorded.values.size());
      for (size_t i = 0; i < again.values.size(); ++i)
        QVERIFY(std::isnan(again.values[i]) == std::isnan(recorded.values[i]) &&
                !(std::abs(again.values[i] - recorded.values[i]) > 4e-3f * (1 + std::abs(recorded.values[i]))));
    }
    const auto other = test::random_model(config, 7);
    QVERIFY_EXCEPTION_THROWN(recomputed_maps(*other, trace, Control()), Error);
    Trace damaged = trace;
    damaged.tokens[2] = 1 << 20;
    QVERIFY_EXCEPTION_THROWN(recomputed_maps(*model, damaged, Control()), Error);
  }

  // Against plain loops over the recorded queries and keys of every token.
  void attention_from_step_to_step() {
    ModelConfig config = test::tiny_config(2, true);
    config.context = 400;
    config.eos = -1;  // it goes on to the last token
    config.kinds = {{0, RopeUse::global}, {7, RopeUse::none}};
    const auto model = test::random_model(config, 8);
    captured(path("steps.h5"), *model, "*.hook_rot_*,*.hook_q,*.hook_k,attention", 200);
    Session session = load_session(path("steps.h5"));
    Trace& trace = session.traces.front();
    QVERIFY(session.attention.contains(trace.id) && !session.attention.at(trace.id));
    QCOMPARE(read_step_attention(path("steps.h5"), trace.id).steps, static_cast<int64_t>(trace.steps.size()));
    trace.steps.clear();
    for (int32_t begin = 0, length = 1; begin < trace.size(); begin += length, length = length % 40 + 13)
      trace.steps.push_back({begin, std::min(begin + length, trace.size()), StepKind::thought, "", ""});
    session.attention[trace.id] = std::make_shared<const StepAttention>(attention_of_steps(*model, trace, Control()));
    save_session(session, path("steps.h5"));
    const StepAttention attention = read_step_attention(path("steps.h5"), trace.id);
    const auto S = static_cast<int64_t>(trace.steps.size());
    QVERIFY(S > 6 && trace.size() > 200);  // more than one piece, steps across its border
    QCOMPARE(attention.steps, S);
    QCOMPARE(attention.layers, int64_t{2});
    QCOMPARE(attention.heads, int64_t{4});
    for (int layer = 0; layer < 2; ++layer) {
      const std::string place = "blocks." + std::to_string(layer) + (layer == 0 ? ".attn.hook_rot_" : ".attn.hook_");
      const Recorded q = read_activations(path("steps.h5"), trace.id, place + "q"),
                     k = read_activations(path("steps.h5"), trace.id, place + "k");
      for (int head = 0; head < 4; ++head)
        for (int64_t i = 0; i < S; ++i) {
          std::vector<double> expected(static_cast<size_t>(S), 0);
          const Step& step = trace.steps[static_cast<size_t>(i)];
          for (int32_t t = step.begin; t < step.end; ++t) {
            std::vector<double> weights(static_cast<size_t>(t + 1), 0);
            double total = 0;
            for (int32_t u = layer == 1 ? std::max(0, t - 6) : 0; u <= t; ++u) {
              double score = 0;
              for (int d = 0; d < 4; ++d) score += q.values[t * 16 + head * 4 + d] * k.values[u * 8 + head / 2 * 4 + d];
              total += weights[static_cast<size_t>(u)] = std::exp(score / 2);
            }
            for (int64_t j = 0; j <= i; ++j)
              for (int32_t u = trace.steps[j].begin; u < std::min(t + 1, trace.steps[j].end); ++u)
                expected[static_cast<size_t>(j)] += weights[static_cast<size_t>(u)] / total / (step.end - step.begin);
          }
          double sum = 0;
          for (int64_t j = 0; j < S; ++j) {
            const float found = float_of(attention.means[static_cast<size_t>(((layer * 4 + head) * S + i) * S + j)]);
            QVERIFY(std::abs(found - expected[static_cast<size_t>(j)]) < 5e-3);
            sum += found;
          }
          QVERIFY(std::abs(sum - 1) < 5e-3);
        }
    }
    // Kept through saving, also under another name.
    Session moved = session;
    save_session(moved, path("moved.h5"));
    QCOMPARE(read_step_attention(path("moved.h5"), trace.id).means, attention.means);
    QVERIFY(load_session(path("moved.h5")).attention.contains(trace.id));
    QVERIFY_EXCEPTION_THROWN(read_step_attention(path("moved.h5"), "t009"), Error);
  }

  // Samples of two prompts: tokens, numbers and recordings have the bits of one at a time, and stand in order.
  void together_as_one_at_a_time() {
    const auto model = test::random_model(test::tiny_config(2, false), 3);
    std::vector<GenerateRequest> requests;
    for (int i = 0; i < 7; ++i) {
      GenerateRequest& request = requests.emplace_back();
      request.prompt = i < 4 ? "ab cd. efg" : "bcd";
      request.title = "sample " + std::to_string(i);
      request.sampler = {.temperature = 1, .seed = static_cast<uint64_t>(i), .max_tokens = i == 1 ? 3 : 12 + i};
    }
    const CaptureChoice capture = read_capture_list("all", model->config);
    Session alone, together;
    for (const GenerateRequest& request : requests)
      capture_run(alone, path("alone.h5"), *model, request, capture, {}, Control());
    std::vector<std::string> ended;
    const CaptureListener listener{{}, [&](const Trace& trace) {
                                     ended.push_back(trace.id);
                                     const std::vector<Trace> logged = read_running_log(path("together.h5"));
                                     const bool in_log = std::ranges::any_of(logged, [&](const Trace& other) {
                                       return other.id == trace.id && other.completed && other.steps == trace.steps;
                                     });
                                     // The first is saved at once and has left the log, those that follow so soon are
                                     // in the log whole.
                                     QCOMPARE(load_session(path("together.h5")).find(trace.id) != nullptr,
                                              ended.size() == 1);
                                     QCOMPARE(in_log, ended.size() > 1);
                                   }};
    const auto ids = capture_runs(together, path("together.h5"), *model, requests, capture, listener, Control(), 3);
    QCOMPARE(ids, (std::vector<std::string>{"t001", "t002", "t003", "t004", "t005", "t006", "t007"}));
    QCOMPARE(ended.front(), std::string("t002"));  // as they end
    QVERIFY(!std::filesystem::exists(running_path(path("together.h5"))));
    const Session found = load_session(path("together.h5")), expected = load_session(path("alone.h5"));
    QCOMPARE(found.traces.size(), requests.size());
    const auto same = [](const std::vector<float>& a, const std::vector<float>& b) {
      return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
    };
    for (size_t i = 0; i < requests.size(); ++i) {
      const Trace &trace = found.traces[i], &other = expected.traces[i];
      QCOMPARE(trace.id, ids[i]);
      QCOMPARE(trace.title, requests[i].title);
      QCOMPARE(trace.tokens, other.tokens);
      QVERIFY(same(trace.logprob, other.logprob) && same(trace.entropy, other.entropy));
      QVERIFY(trace.completed && trace.steps == other.steps);
      QCOMPARE(found.checks.at(trace.id).nats, expected.checks.at(trace.id).nats);
      for (const Site site : sites_of(model->config)) {
        const Recorded a = read_activations(path("together.h5"), trace.id, name_of(site)),
                       b = read_activations(path("alone.h5"), other.id, name_of(site));
        QCOMPARE(a.tokens, int64_t{trace.size()});
        QVERIFY2(same(a.values, b.values), name_of(site).c_str());
      }
      QCOMPARE(read_step_attention(path("together.h5"), trace.id).means,
               read_step_attention(path("alone.h5"), trace.id).means);
    }
  }

  // A cancel keeps what had begun; the next run goes on behind it, though its structure was made already.
  void a_cancel_of_several() {
    ModelConfig config = test::tiny_config(2, false);
    config.eos = -1;
    const auto model = test::random_model(config, 3);
    std::vector<GenerateRequest> requests(5);
    for (GenerateRequest& request : requests) {
      request.prompt = "ab cd";
      request.sampler.max_tokens = 20;
    }
    Control control;
    const CaptureListener stop{[&](const Trace& trace, int32_t) {
                                 if (trace.size() > trace.prompt_tokens + 4) control.cancel();
                               },
                               {}};
    Session session;
    const CaptureChoice capture = read_capture_list("residual", config);
    QCOMPARE(capture_runs(session, path("stop.h5"), *model, requests, capture, stop, control, 2),
             (std::vector<std::string>{"t001", "t002"}));
    session = load_session(path("stop.h5"));
    QCOMPARE(session.traces.size(), size_t{2});
    for (const Trace& trace : session.traces) {
      QVERIFY(!trace.completed && trace.stop_reason == "stopped");
      QCOMPARE(read_activations(path("stop.h5"), trace.id, "blocks.0.hook_resid_post").tokens, int64_t{trace.size()});
    }
    capture_runs(session, path("stop.h5"), *model, requests, capture, {}, Control(), 2);
    const std::filesystem::path folder = std::filesystem::current_path();  // a path without folder is as good
    std::filesystem::current_path(path("stop.h5").parent_path());
    Session here;
    capture_runs(here, "here.h5", *model, requests, capture, {}, Control(), 2);
    std::filesystem::current_path(folder);
    QCOMPARE(here.traces.size(), size_t{5});
    session = load_session(path("stop.h5"));
    QCOMPARE(session.traces.size(), size_t{7});
    for (const Trace& trace : session.traces)
      QCOMPARE(read_activations(path("stop.h5"), trace.id, "blocks.0.hook_resid_post").tokens, int64_t{trace.size()});
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

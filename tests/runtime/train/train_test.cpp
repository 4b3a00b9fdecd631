// Training is a function of configuration, corpus and seed alone, interrupted or not.
#include "runtime/train/train.h"

#include <QTemporaryDir>
#include <QtTest>
#include <fstream>
#include <set>

#include "runtime/trace/generate.h"
#include "runtime/train/schedule.h"
#include "tests/support/compare.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;

namespace {

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::vector<int32_t>> documents_of(size_t count, size_t tokens) {
  return {count, std::vector<int32_t>(tokens, 1)};
}

}  // namespace

class TrainTest : public QObject {
  Q_OBJECT

  QTemporaryDir temporary;
  const std::filesystem::path root = temporary.path().toStdString();
  const Corpus corpus = corpus_of(random_texts(200, 51, 3));  // 8 tokens each, with both ends
  TrainConfig config;

  TrainResult run(const TrainConfig& c, const std::string& name) const {
    return train(c, corpus, make_cpu_ops(), root / name, {}, Control());
  }
  std::string weights(const std::string& name) const { return bytes_of(root / name / "model.safetensors"); }
  // Trains, cancelling once `step` is done.
  ErrorCode interrupted(const TrainConfig& c, const std::string& name, int64_t step) const {
    Control control;
    control.report = [&](const Progress& progress) {
      if (progress.stage == "training" && progress.done == double(step)) control.cancel();
    };
    try {
      train(c, corpus, make_cpu_ops(), root / name, {}, control);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::usage;
  }

 private slots:
  void initTestCase() {
    write_tiny_tokenizer(root / "tokenizer");
    config.model = tiny_config(1, true);
    config.model.width = 16, config.model.mlp_width = 24;
    config.tokenizer = root / "tokenizer";
    config.passes = 4, config.batch_tokens = 128, config.rate = 1e-2, config.final_rate = 1e-3, config.warmup = 0.1;
    QVERIFY(!run(config, "whole").curve.empty());
  }

  void the_loss_falls() {
    const TrainResult result = run(config, "again");
    QCOMPARE(result.curve.size(), 5u);  // 50 steps, a point every ten
    QCOMPARE(result.curve.back().step, int64_t{50});
    QCOMPARE(result.tokens, int64_t{4 * 200 * 7});
    QVERIFY2(result.curve.front().loss < std::log(20.0) + 0.1, qPrintable(QString::number(result.curve.front().loss)));
    QVERIFY2(result.curve.back().loss < result.curve.front().loss - 0.3,
             qPrintable(QString::number(result.curve.back().loss)));
    QVERIFY(!std::filesystem::exists(root / "again" / "checkpoint"));
  }

  void the_seed_decides_every_byte() {
    run(config, "same");
    QVERIFY(weights("same").size() > 1000);
    QVERIFY(weights("same") == weights("whole"));
    TrainConfig other = config;
    other.seed = 2;
    run(other, "other");
    QVERIFY(weights("other") != weights("whole"));
  }

  void resumed_is_undisturbed() {
    QCOMPARE(interrupted(config, "resumed", 7), ErrorCode::cancelled);
    QVERIFY(!std::filesystem::exists(root / "resumed" / "model.safetensors"));
    QCOMPARE(interrupted(config, "resumed", 33), ErrorCode::cancelled);
    const TrainResult result = run(config, "resumed");
    QVERIFY(weights("resumed") == weights("whole"));
    const TrainResult whole = run(config, "whole again");
    QCOMPARE(result.curve.size(), whole.curve.size());
    QCOMPARE(result.tokens, whole.tokens);
    for (size_t i = 0; i < whole.curve.size(); ++i) {
      QCOMPARE(result.curve[i].step, whole.curve[i].step);
      QCOMPARE(result.curve[i].loss, whole.curve[i].loss);
      QCOMPARE(result.curve[i].gradient_norm, whole.curve[i].gradient_norm);
    }
  }

  void what_is_finished_is_not_done_again() {
    run(config, "finished");
    Control control;
    int points = 0;
    const TrainResult result = train(config, corpus, make_cpu_ops(), root / "finished", [&](const TrainPoint&) { ++points; }, control);
    QCOMPARE(points, 0);
    QCOMPARE(result.curve.size(), 5u);
    TrainConfig other = config;
    other.seed = 2;
    train(other, corpus, make_cpu_ops(), root / "finished", [&](const TrainPoint&) { ++points; }, control);
    QCOMPARE(points, 5);
  }

  void a_checkpoint_of_another_training_is_not_taken() {
    TrainConfig other = config;
    other.seed = 2;
    QCOMPARE(interrupted(other, "mixed", 20), ErrorCode::cancelled);
    run(config, "mixed");
    QVERIFY(weights("mixed") == weights("whole"));
  }

  void a_damaged_checkpoint_is_not_taken() {
    QCOMPARE(interrupted(config, "damaged", 20), ErrorCode::cancelled);
    const auto state = root / "damaged" / "checkpoint" / "training.state";
    QVERIFY(std::filesystem::exists(state));
    std::filesystem::resize_file(state, std::filesystem::file_size(state) - 5);
    run(config, "damaged");
    QVERIFY(weights("damaged") == weights("whole"));
  }

  void a_damaged_first_line_is_not_taken() {
    QCOMPARE(interrupted(config, "first line", 20), ErrorCode::cancelled);
    const auto state = root / "first line" / "checkpoint" / "training.state";
    std::string bytes = bytes_of(state);
    const size_t place = bytes.find("\"step\":");
    QVERIFY(place != std::string::npos);
    bytes.insert(place + 7, "\"x");  // no longer JSON
    std::ofstream(state, std::ios::binary) << bytes;
    run(config, "first line");
    QVERIFY(weights("first line") == weights("whole"));
  }

  void accumulation_changes_little() {
    TrainConfig parts = config;
    parts.accumulation = 4;  // documents are equally long, so the steps hold the same ones
    const TrainResult one = run(config, "one"), four = run(parts, "four");
    QCOMPARE(four.curve.size(), one.curve.size());
    for (size_t i = 0; i < one.curve.size(); ++i) QVERIFY(std::abs(one.curve[i].loss - four.curve[i].loss) < 1e-4);
    const auto first = load_model(root / "one", make_cpu_ops()), second = load_model(root / "four", make_cpu_ops());
    VERIFY_CLOSE(from_device(*first->ops, first->weights.flat().view()),
                 from_device(*second->ops, second->weights.flat().view()), 1e-2);
  }

  void the_result_loads_and_generates() {
    const auto model = load_model(root / "whole", make_cpu_ops());
    QCOMPARE(model->config.vocabulary, tiny_vocabulary);
    QCOMPARE(model->config.eos, 19);
    GenerateRequest request;
    request.prompt = "ab ";
    request.sampler.max_tokens = 10;
    const Trace trace = generate(*model, request, {}, Control());
    QVERIFY(trace.size() > trace.prompt_tokens);
    QVERIFY(trace.text.starts_with("ab "));
  }

  void rates_warm_up_and_fall() {
    const auto documents = documents_of(400, 10);
    TrainConfig c;
    c.passes = 1, c.batch_tokens = 40, c.rate = 2e-3, c.final_rate = 1e-4, c.warmup = 0.1;
    const Schedule schedule(c, documents);
    QCOMPARE(schedule.steps(), int64_t{100});
    QVERIFY(std::abs(schedule.rate(0) - 2e-4) < 1e-12);
    QVERIFY(std::abs(schedule.rate(4) - 1e-3) < 1e-12);
    QVERIFY(std::abs(schedule.rate(9) - 2e-3) < 1e-12);
    QVERIFY(std::abs(schedule.rate(54) - (2e-3 + 1e-4) / 2) < 1e-12);  // half of the cosine
    QVERIFY(std::abs(schedule.rate(99) - 1e-4) < 1e-12);
    for (int64_t step = 10; step < 100; ++step) QVERIFY(schedule.rate(step) < schedule.rate(step - 1));
  }

  void passes_see_each_document_as_often() {
    const auto documents = documents_of(37, 10);
    TrainConfig c;
    c.passes = 2.5, c.batch_tokens = 60, c.accumulation = 2;
    const Schedule schedule(c, documents);
    std::vector<int> seen(37, 0);
    std::vector<int32_t> order;
    for (int64_t step = 0; step < schedule.steps(); ++step) {
      QVERIFY(schedule.parts(step).size() <= 2 && !schedule.parts(step).empty());
      for (const auto& part : schedule.parts(step)) {
        QVERIFY(part.size() <= 3);  // 30 tokens
        for (const int32_t d : part) ++seen[static_cast<size_t>(d)], order.push_back(d);
      }
    }
    QCOMPARE(order.size(), 93u);  // 2.5 x 37, rounded
    QCOMPARE(std::set<int32_t>(order.begin(), order.begin() + 37).size(), 37u);
    for (const int times : seen) QVERIFY(times == 2 || times == 3);
    QVERIFY(std::vector<int32_t>(order.begin(), order.begin() + 37) !=
            std::vector<int32_t>(order.begin() + 37, order.begin() + 74));
  }

  void configurations_that_are_refused_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("names");
    const QString model =
        R"("tokenizer": "tokenizer", "model": {"layers": 1, "width": 16, "heads": 4, "mlp_width": 24)";
    QTest::newRow("unknown key") << "{" + model + "}, \"learning_rate\": 1}"
                                 << "learning_rate";
    QTest::newRow("unknown key of the model") << "{" + model + ", \"depth\": 3}}"
                                              << "depth";
    QTest::newRow("wrong type") << "{" + model + "}, \"rate\": \"fast\"}"
                                << "rate";
    QTest::newRow("out of range") << "{" + model + "}, \"passes\": -1}"
                                  << "passes";
    QTest::newRow("heads that do not divide") << "{" + QString(model).replace("\"heads\": 4", "\"heads\": 3") + "}}"
                                              << "heads";
    QTest::newRow("no tokenizer") << "{\"model\": {}}"
                                  << "tokenizer";
    QTest::newRow("no model") << "{\"tokenizer\": \"tokenizer\"}"
                              << "model";
    QTest::newRow("no width") << R"({"tokenizer": "tokenizer", "model": {"layers": 1, "heads": 4, "mlp_width": 24}})"
                              << "width";
    QTest::newRow("not JSON") << "{"
                              << "JSON";
  }
  void configurations_that_are_refused() {
    QFETCH(QString, text);
    QFETCH(QString, names);
    std::ofstream(root / "train.json") << text.toStdString();
    try {
      read_train_config(root / "train.json");
      QFAIL("it was taken");
    } catch (const Error& error) {
      const QString said = error.what();
      QVERIFY2(said.contains(names) && said.contains("train.json") && !said.contains('\n'), qPrintable(said));
    }
  }
};

QTEST_GUILESS_MAIN(TrainTest)
#include "train_test.moc"

// The memory that is foretold from shapes is what a process grows by, within a tenth.
#include "runtime/influence/memory.h"

#include <malloc.h>

#include <QtTest>
#include <fstream>

#include "runtime/influence/curvature/factors.h"
#include "runtime/influence/scan/scan.h"
#include "runtime/influence/scan/scan_low_rank.h"
#include "runtime/influence/tracked.h"
#include "tests/support/sanitized.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;

namespace {

ModelConfig shape(const std::string& name) {
  ModelConfig c = tiny_config(name == "demo" ? 4 : 2, false);
  c.width = name == "demo" ? 160 : 64, c.heads = c.key_value_heads = name == "demo" ? 5 : 4;
  c.head_width = c.width / c.heads, c.mlp_width = name == "demo" ? 432 : 128,
  c.vocabulary = name == "demo" ? 1024 : 512;
  c.context = 512;
  return c;
}

Model model_of(const std::string& name) {
  Model model;
  model.config = shape(name);
  model.ops = make_cpu_ops();
  model.weights = Weights(model.config, model.ops);
  model.rope = rope_table(model.config, model.ops);
  Random random(1);
  for (const auto& named : model.weights.named()) {
    std::vector<float> values(static_cast<size_t>(named.tensor.size()));
    for (float& value : values) value = static_cast<float>(0.05 * random.normal());
    model.ops->upload(named.tensor.data, values.data(), values.size() * sizeof(float));
  }
  return model;
}

DocumentBatches documents(const Model& model, int64_t count, int64_t batch_tokens) {
  Random random(2);
  std::vector<std::vector<int32_t>> all(static_cast<size_t>(count));
  for (auto& document : all) {
    document.resize(25 + random.below(50));
    for (int32_t& id : document)
      id = static_cast<int32_t>(random.below(static_cast<uint64_t>(model.config.vocabulary)));
  }
  return DocumentBatches(std::move(all), batch_tokens);
}

// "VmRSS" or "VmHWM", bytes.
double memory_now(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field + ":")) return 1024 * std::stod(line.substr(field.size() + 1));
  return 0;
}

// In a process of its own. Libraries have done all they do once before it counts.
int measure(const std::string& name, const std::string& work) {
  const Model model = model_of(name);
  const int64_t batch_tokens = work.ends_with("at once") ? 16384 : usual_batch_tokens;
  const DocumentBatches few = documents(model, 4, batch_tokens), many = documents(model, 200, batch_tokens);
  const int64_t asked = 20;
  const Precision precision = work.starts_with("rank 4 bf16") ? Precision::bf16 : Precision::f32;
  const auto run = [&](const DocumentBatches& batches) {
    if (work == "fit") {
      fit_factors(model, batches, {}, Control());
      return;
    }
    std::vector<Query> queries;
    for (int32_t q = 0; q < asked; ++q) queries.push_back({&many.document(q % 4), 10, 20});
    if (work.starts_with("rank 4")) {
      const LowRankQueries low = low_rank_room(model, chosen_layers(model, "all"), asked, 4);
      scan(model, low, choose_routes(model, low, precision, batches), precision, batches, 200000, Control());
      return;
    }
    const QueryGradients gradients = query_gradients(model, queries);
    scan(model, gradients, batches, work == "scan" ? 200000 : 200, Control());
  };
  run(few);
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";  // the mark of the highest memory starts here
  const double before = memory_now("VmRSS");
  run(many);
  const double grown = memory_now("VmHWM") - before;
  const double foretold =
      work == "fit" ? fit_memory(model, many).peak()
                    : scan_memory(model, many, 200000, {asked, 20, {}, work == "scan" ? 0 : 4, precision, asked}).scan;
  std::printf("%.0f %.0f\n", grown, foretold);
  return 0;
}

}  // namespace

class MemoryTest : public QObject {
  Q_OBJECT

 private slots:
  void foretold_is_measured_data() {
    QTest::addColumn<QString>("shape");
    QTest::addColumn<QString>("work");
    for (const char* shape : {"tiny", "demo"})
      for (const char* work : {"fit", "scan", "rank 4", "rank 4 bf16", "rank 4 at once"})
        QTest::addRow("%s %s", shape, work) << shape << work;
  }
  void foretold_is_measured() {
    if (test::sanitized) QSKIP("skipped: under a sanitizer most memory is the sanitizer's");
    QFETCH(QString, shape);
    QFETCH(QString, work);
    QProcess child;
    child.start(QCoreApplication::applicationFilePath(), {"measure", shape, work});
    QVERIFY(child.waitForFinished(120000));
    const auto numbers = child.readAllStandardOutput().trimmed().split(' ');
    QCOMPARE(numbers.size(), 2);
    const double grown = numbers[0].toDouble(), foretold = numbers[1].toDouble();
    const QByteArray says = "grown by " + numbers[0] + ", foretold " + numbers[1];
    qInfo("%s", says.constData());
    QVERIFY2(foretold > 0.9 * grown && foretold < 1.1 * grown, says);
  }
};

int main(int count, char** arguments) {
  if (count == 4 && arguments[1] == std::string("measure")) return measure(arguments[2], arguments[3]);
  QCoreApplication application(count, arguments);
  MemoryTest test;
  return QTest::qExec(&test, count, arguments);
}
#include "memory_test.moc"

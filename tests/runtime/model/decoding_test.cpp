// Tokens one by one, as the device repeats them, against a forward for each: the same bits, in every family.
#include "runtime/model/decoding.h"

#include <QtTest>
#include <algorithm>
#include <filesystem>
#include <list>

using namespace stemma;
namespace fs = std::filesystem;

namespace {

const fs::path goldens = fs::path(STEMMA_SOURCE_DIR) / "tests/golden";

// Two ways that a token can be read. Both give its logits, then the sites asked for.
struct Ways {
  explicit Ways(const Model& model)
      : model(model), work(model, Keep::one_block), other_work(model, Keep::one_block), decoding(work) {}

  void begin(const std::vector<int32_t>& prompt) {
    for (auto* caches : {&kept, &other_kept}) caches->emplace_back(model, model.config.context);
    read(work, prompt, kept.back());
    read(other_work, prompt, other_kept.back());
  }
  void end(size_t text) {
    kept.erase(std::next(kept.begin(), static_cast<int64_t>(text)));
    other_kept.erase(std::next(other_kept.begin(), static_cast<int64_t>(text)));
  }

  std::vector<float> by_decoding(const std::vector<int32_t>& ids, const std::vector<Site>& sites) {
    const std::span<const float> scores = decoding.step(ids, pointers(kept), sites);
    std::vector<float> all(scores.begin(), scores.end());
    for (size_t i = 0; i < sites.size(); ++i) {
      const float* values = decoding.values(i);
      all.insert(all.end(), values, values + static_cast<int64_t>(ids.size()) * width_of(model.config, sites[i]));
    }
    return all;
  }
  std::vector<float> by_forward(const std::vector<int32_t>& ids, const std::vector<Site>& sites) {
    Batch batch;
    const std::vector<KeyValueCache*> caches = pointers(other_kept);
    for (int32_t row = 0; row < static_cast<int32_t>(ids.size()); ++row) {
      batch.ids.push_back(ids[static_cast<size_t>(row)]);
      batch.positions.push_back(static_cast<int32_t>(caches[static_cast<size_t>(row)]->length));
      batch.segments.push_back({row, row + 1, row, row + 1});
    }
    std::vector<float> seen;
    const Taps taps{[&](Site site) { return std::ranges::find(sites, site) != sites.end(); },
                    [&](Site, Tensor value) { append(value, seen); }};
    const Tensor hidden = forward(other_work, batch, caches, &taps);
    const Buffer scores(model.ops, hidden.rows, model.config.vocabulary);
    logits(model, hidden, scores);
    std::vector<float> all;
    append(scores, all);
    all.insert(all.end(), seen.begin(), seen.end());
    return all;
  }

  static std::vector<KeyValueCache*> pointers(std::list<KeyValueCache>& caches) {
    std::vector<KeyValueCache*> all;
    for (KeyValueCache& cache : caches) all.push_back(&cache);
    return all;
  }
  void append(Tensor value, std::vector<float>& to) const {
    to.resize(to.size() + static_cast<size_t>(value.size()));
    model.ops->download(to.data() + to.size() - value.size(), value.data,
                        sizeof(float) * static_cast<size_t>(value.size()));
  }
  static void read(Workspace& work, const std::vector<int32_t>& prompt, KeyValueCache& cache) {
    Batch batch;
    batch.add(prompt);
    forward(work, batch, &cache);
  }

  const Model& model;
  Workspace work, other_work;
  std::list<KeyValueCache> kept, other_kept;
  Decoding decoding;
};

}  // namespace

class DecodingTest : public QObject {
  Q_OBJECT

 private:
  static std::vector<int32_t> some_ids(const Model& model, int count, int seed) {
    std::vector<int32_t> ids;
    for (int i = 0; i < count; ++i) ids.push_back((seed + 7 * i) % model.config.vocabulary);
    return ids;
  }

  // A text, then two of other lengths, of which one ends; with no sites, some, and all.
  static void compare(const Model& model) {
    const std::vector<Site> all = sites_of(model.config), some = residual_sites(model.config), none;
    int turns = 2;  // of LongRoPE's factors a text must see both
    while (model.config.long_factors(model.config.context) && !model.config.long_factors(turns + 1)) ++turns;
    Ways ways(model);
    int token = 3;
    const auto step = [&](const std::vector<Site>& sites) {
      const std::vector<int32_t> ids = some_ids(model, static_cast<int>(ways.kept.size()), ++token);
      QCOMPARE(ways.by_decoding(ids, sites), ways.by_forward(ids, sites));
    };
    ways.begin(some_ids(model, turns - 1, 1));
    for (int i = 0; i < 4; ++i) step(some);
    for (int i = 0; i < 3; ++i) step(none);
    ways.begin(some_ids(model, 5, 2));
    for (int i = 0; i < 4; ++i) step(all);
    ways.end(0);
    for (int i = 0; i < 4; ++i) step(all);
    QCOMPARE(ways.kept.front().length, 13);
    QCOMPARE(ways.kept.front().ids, ways.other_kept.front().ids);
  }

  static void run(const std::shared_ptr<Ops>& ops) {
    int families = 0;
    for (const auto& entry : fs::directory_iterator(goldens)) {
      if (!fs::exists(entry.path() / "expected.safetensors")) continue;
      ++families;
      compare(*load_model(entry.path(), ops));
      if (QTest::currentTestFailed()) qWarning("in %s", entry.path().c_str());
    }
    QVERIFY(families >= 27);
  }

 private slots:
  void on_the_cpu() { run(make_cpu_ops()); }

  void with_keys_and_values_of_16_bits() {
    for (const Dtype dtype : {Dtype::bf16, Dtype::f16})
      for (const char* family : {"llama", "gemma2"}) compare(*load_model(goldens / family, make_cpu_ops(), dtype));
  }

  void on_cuda() {
    std::string why;
    const auto ops = make_cuda_ops(0, why);
    if (!ops) QSKIP(qPrintable(QString::fromStdString("skipped: no CUDA device: " + why)));
    run(ops);
  }
};

QTEST_GUILESS_MAIN(DecodingTest)
#include "decoding_test.moc"

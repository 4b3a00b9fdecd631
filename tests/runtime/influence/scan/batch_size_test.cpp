// How many tokens a scan takes at once: as many as pay, fit and leave ranks their shares.
#include "runtime/influence/scan/batch_size.h"

#include <QtTest>

#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;

namespace {

// Weights are not read: only their shapes count.
Model model_of(int layers, int width, int mlp_width, int vocabulary) {
  Model model;
  model.config = tiny_config(layers, false);
  model.config.width = width, model.config.heads = model.config.key_value_heads = width / 64;
  model.config.head_width = 64, model.config.mlp_width = mlp_width, model.config.vocabulary = vocabulary;
  model.ops = make_cpu_ops();
  model.weights = Weights(model.config, model.ops);
  return model;
}

constexpr CorpusLength long_corpus = {1 << 20, int64_t{450} << 20};

}  // namespace

class BatchSizeTest : public QObject {
  Q_OBJECT

  const Model model = model_of(2, 256, 512, 1000);
  int64_t tokens(const ScanQueries& queries, const CorpusLength& corpus = long_corpus) const {
    return scan_batch_tokens(model, queries, corpus);
  }

 private slots:
  void many_queries_want_many_tokens() {
    QCOMPARE(tokens({.count = 1, .rank = 32}), usual_batch_tokens);
    QCOMPARE(tokens({.count = 1}), usual_batch_tokens);
    int64_t before = usual_batch_tokens;
    for (const int64_t count : {30, 60, 100}) {
      const int64_t now = tokens({.count = count, .rank = 32});
      QVERIFY2(now > before, qPrintable(QString("%1 queries: %2 tokens").arg(count).arg(now)));
      before = now;
    }
    QVERIFY(before <= most_batch_tokens);
    QVERIFY(tokens({.count = 100}) > usual_batch_tokens);
  }

  void threads_take_batches_of_small_models() {
    QVERIFY(threads_take_batches(model, 1));  // 1.3 million weights
    QVERIFY(!threads_take_batches(model, 100));
    QVERIFY(!threads_take_batches(model_of(12, 768, 3072, 1000), 1));
  }

  // Fewer would cost more than a fiftieth; these do not.
  void no_more_than_pay() {
    const ScanQueries queries{.count = 60, .rank = 32};
    const int64_t found = tokens(queries);
    const double best = scan_operations_a_token(model, queries, 450, most_batch_tokens);
    QVERIFY(scan_operations_a_token(model, queries, 450, found) <= 1.02 * best);
    QVERIFY(scan_operations_a_token(model, queries, 450, found - 256) > 1.02 * best);
  }

  // Where tokens meet the queries no query is multiplied out, and a batch costs nothing beside its tokens.
  void tokens_that_meet_queries_want_no_more() {
    const Model wide = model_of(1, 2048, 8192, 1000);
    QCOMPARE(scan_batch_tokens(wide, {.count = 4, .rank = 8}, long_corpus), usual_batch_tokens);
  }

  void a_short_corpus_has_batches_for_all_ranks() {
    const ScanQueries queries{.count = 100, .rank = 32};
    QCOMPARE(tokens(queries, {0, 0}), usual_batch_tokens);
    QCOMPARE(tokens(queries, {8, 3600}), usual_batch_tokens);
    const int64_t some = tokens(queries, {400, 180000});
    QVERIFY(some > usual_batch_tokens && some <= 180000 / least_batches);
  }

  // Which no ranks need to share: reading the queries once less is worth more.
  void a_very_short_corpus_has_few_batches() {
    const ScanQueries queries{.count = 100};
    const int64_t found = tokens(queries, {400, 20000});
    QVERIFY(found > usual_batch_tokens && found <= short_batch_tokens);
  }

  void a_batch_stays_in_its_memory() {
    const ScanQueries queries{.count = 1000, .rank = 32};
    const Model deep = model_of(12, 64, 2048, 1000);
    const int64_t found = scan_batch_tokens(deep, queries, long_corpus);
    QVERIFY(found > usual_batch_tokens && found < most_batch_tokens);
    QVERIFY(pass_bytes(deep, found) <= batch_bytes);
    QVERIFY(pass_bytes(deep, found + 512) > batch_bytes ||
            scan_operations_a_token(deep, queries, 450, found) <=
                1.03 * scan_operations_a_token(deep, queries, 450, found + 512));
    // Of a model whose usual batch takes more than that, the usual one.
    const Model deeper = model_of(48, 64, 4096, 1000);
    QVERIFY(pass_bytes(deeper, usual_batch_tokens) > batch_bytes);
    QCOMPARE(scan_batch_tokens(deeper, queries, long_corpus), usual_batch_tokens);
  }

  void only_the_layers_that_are_asked_count() {
    const ScanQueries all{.count = 100, .rank = 32}, some{.count = 100, .choice = {"*.attn.k", 1}, .rank = 32};
    QVERIFY(tokens(some) < tokens(all));
    QVERIFY_THROWS_EXCEPTION(Error, tokens({.count = 1, .choice = {"nothing", 1}}));
  }
};

QTEST_GUILESS_MAIN(BatchSizeTest)
#include "batch_size_test.moc"

// Factors of some layers, and in diagonal blocks, against the curvature written out whole; gradients turned instead of
// tokens.
#include <QtTest>

#include "runtime/influence/attribute.h"
#include "runtime/influence/curvature/blocks.h"
#include "runtime/influence/documents.h"
#include "runtime/influence/tracked.h"
#include "tests/support/layer_gradients.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;
namespace ref = stemma::reference;

namespace {

// (n, w) blocks as the (n, n) matrix that they mean.
Matrix whole(const std::vector<float>& blocks, int64_t n) {
  const auto width = static_cast<int64_t>(blocks.size()) / n;
  Matrix q(n, n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < width; ++j) q(i, i / width * width + j) = blocks[static_cast<size_t>(i * width + j)];
  return q;
}

Matrix damped_inverse_product(const LayerFactors& f, const Matrix& v) {
  const Matrix q_a = whole(f.q_a, f.inputs), q_s = whole(f.q_s, f.outputs);
  Matrix turned = ref::product(ref::product(q_s, v), ref::transposed(q_a));
  for (size_t k = 0; k < turned.data.size(); ++k) turned.data[k] /= f.lambda[k] + f.damping;
  return ref::product(ref::product(ref::transposed(q_s), turned), q_a);
}

}  // namespace

class ChoiceTest : public QObject {
  Q_OBJECT

  const std::shared_ptr<Model> model = random_model(tiny_config(2, true), 31);
  const std::vector<std::string> texts = {"ab cdefg.", "p", "mnop ab cd", "hgfe.", "kk lj", "dcba onmlk ponm"};
  const Corpus corpus = corpus_of(texts);
  const Trace trace = trace_of(*model, "ab cdefg hij k.", {4, 8, 12});

  Factors fit(const std::string& pattern, int blocks) const {
    FitOptions options;
    options.choice = {pattern, blocks};
    return fit_factors(*model, corpus, options, Control());
  }
  std::vector<float> scores(const Factors& factors) const {
    return attribute(*model, &factors, corpus, {&trace}, {}, Control()).at(0).scores;
  }
  std::vector<int32_t> tokens_of(size_t d) const {
    return document_tokens(*model->tokenizer, texts[d], model->config.context);
  }

 private slots:
  void one_block_is_no_block() {
    const Factors all = fit_factors(*model, corpus, {}, Control()), one = fit("all", 1);
    for (size_t i = 0; i < all.layers.size(); ++i)
      QVERIFY(all.layers[i].q_a == one.layers[i].q_a && all.layers[i].lambda == one.layers[i].lambda);
  }

  void scores_are_those_of_the_factors_written_out_data() {
    QTest::addColumn<QString>("pattern");
    QTest::addColumn<int>("blocks");
    QTest::newRow("two blocks") << "all" << 2;
    QTest::newRow("MLP, four blocks") << "mlp" << 4;
    QTest::newRow("attention") << "attn" << 1;
    QTest::newRow("some") << "blocks.*.mlp.down" << 2;
    QTest::newRow("a list, one of them twice") << "*.attn.o, blocks.0.mlp.*, blocks.0.*.down" << 1;
    QTest::newRow("keys, whose input has another owner") << "*.attn.k" << 1;
  }
  void scores_are_those_of_the_factors_written_out() {
    QFETCH(QString, pattern);
    QFETCH(int, blocks);
    const Factors factors = fit(pattern.toStdString(), blocks);
    const std::vector<size_t> chosen = chosen_layers(*model, pattern.toStdString());
    QCOMPARE(factors.layers.size(), chosen.size());
    const std::vector<float> found = scores(factors);
    const Step& step = trace.steps[1];
    const std::vector<Matrix> query = span_gradients(*model, trace.tokens, step.begin, step.end);
    std::vector<double> expected(texts.size(), 0.0);
    for (size_t d = 0; d < texts.size(); ++d) {
      const auto document = span_gradients(*model, tokens_of(d), 1, static_cast<int32_t>(tokens_of(d).size()));
      for (size_t i = 0; i < chosen.size(); ++i)
        expected[d] += dot(damped_inverse_product(factors.layers[i], query[chosen[i]]), document[chosen[i]]) /
                       static_cast<double>(texts.size());
    }
    VERIFY_CLOSE(std::vector<float>(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(texts.size())), expected,
                 1e-4);
  }

  // The covariance of a block is that block of the whole covariance: Q diagonalises it.
  void blocks_are_the_diagonal_of_the_whole() {
    std::vector<float> sums(64), block(32);
    for (int64_t i = 0; i < 8; ++i)
      for (int64_t j = i; j < 8; ++j) {
        sums[static_cast<size_t>(i * 8 + j)] = static_cast<float>(i == j ? 3 + i : 1.0 / (1 + i + j));
        if (i / 4 == j / 4) block[static_cast<size_t>(i * 4 + j % 4)] = sums[static_cast<size_t>(i * 8 + j)];
      }
    const Matrix q = whole(eigenvectors_of_blocks(*make_cpu_ops(), block, 8, 1), 8);
    Matrix diagonal_blocks(8, 8);
    for (int64_t i = 0; i < 8; ++i)
      for (int64_t j = 0; j < 8; ++j)
        if (i / 4 == j / 4) diagonal_blocks(i, j) = sums[static_cast<size_t>(std::min(i, j) * 8 + std::max(i, j))];
    Matrix turned = ref::product(ref::product(q, diagonal_blocks), ref::transposed(q)), diagonal(8, 8);
    for (int64_t i = 0; i < 8; ++i) diagonal(i, i) = turned(i, i);
    VERIFY_CLOSE(turned, diagonal, 1e-5);
  }

  // A layer's share does not depend on which others are chosen.
  void layers_add_up() {
    std::vector<double> sum;
    for (const char* pattern : {"attn", "*.mlp.gate", "*.mlp.up", "*.mlp.down"}) {
      const std::vector<float> part = scores(fit(pattern, 1));
      sum.resize(part.size());
      for (size_t k = 0; k < part.size(); ++k) sum[k] += part[k];
    }
    VERIFY_CLOSE(scores(fit("all", 1)), sum, 1e-4);
  }

  // Documents longer than layers are wide: gradients are turned, not tokens. The means of Lambda are those of tokens.
  void long_documents_turn_gradients() {
    const auto& ops = model->ops;
    Random random(3);
    const int64_t p = 8, m = 16;
    for (const int64_t blocks : {1, 2}) {
      const auto some = [&](int64_t rows, int64_t columns) {
        std::vector<float> values(static_cast<size_t>(rows * columns));
        for (float& value : values) value = static_cast<float>(random.normal());
        return values;
      };
      const auto put = [&](const std::vector<float>& values, int64_t rows) {
        Buffer buffer(ops, rows, static_cast<int64_t>(values.size()) / rows);
        buffer.upload(values.data());
        return buffer;
      };
      const auto q_s = some(p, p / blocks), q_a = some(m, m / blocks), v = some(p, m);
      Buffer total(ops, 1, p * m), half(ops, p, m);
      total.zero();
      ColumnBlocks columns(ops);
      columns.turn(put(v, p), put(q_a, m), false, half);
      add_turned_squares(*ops, put(transposed_blocks(q_s, p), p), half, total);
      Matrix gradient(p, m);
      gradient.data.assign(v.begin(), v.end());
      Matrix expected = ref::product(ref::product(whole(q_s, p), gradient), ref::transposed(whole(q_a, m)));
      for (double& value : expected.data) value *= value;
      Matrix found(p, m);
      std::vector<float> host(static_cast<size_t>(p * m));
      total.download(host.data());
      found.data.assign(host.begin(), host.end());
      VERIFY_CLOSE(found, expected, 1e-5);
    }
    const auto mean_tokens = [](int64_t tokens) {
      return DocumentBatches(
          std::vector<std::vector<int32_t>>(3, std::vector<int32_t>(static_cast<size_t>(tokens + 1))), 64);
    };
    QVERIFY(tokens_first(mean_tokens(10), 16, 16) && !tokens_first(mean_tokens(20), 16, 16));
  }

  void refusals() {
    for (const char* pattern : {"no.such", "mlp, no.such", ""}) QVERIFY_EXCEPTION_THROWN(fit(pattern, 1), Error);
    QVERIFY_EXCEPTION_THROWN(fit("all", 3), Error);
    Factors lying = fit("mlp", 1);
    lying.choice.pattern = "attn";
    QVERIFY_EXCEPTION_THROWN(scores(lying), Error);
  }
};

QTEST_GUILESS_MAIN(ChoiceTest)
#include "choice_test.moc"

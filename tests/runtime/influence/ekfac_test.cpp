// EK-FAC on a model so small that its curvature can be written out whole: fit, scores, and what must not change them.
#include <QtTest>
#include <array>
#include <numeric>

#include "runtime/influence/attribute.h"
#include "runtime/influence/documents.h"
#include "tests/support/layer_gradients.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;
namespace ref = stemma::reference;

extern "C" void dgesv_(const int* n, const int* columns, double* a, const int* lda, int* pivots, double* b,
                       const int* ldb, int* info);

namespace {

Matrix matrix_of(const std::vector<float>& values, int64_t rows, int64_t columns) {
  Matrix m(rows, columns);
  m.data.assign(values.begin(), values.end());
  return m;
}

// (G + damping I)^-1 v with G = sum over i, j of lambda_ij (s_i (x) a_j)(s_i (x) a_j)^T written out, PM x PM.
Matrix dense_inverse_product(const LayerFactors& f, const Matrix& v) {
  const int64_t m = f.inputs, p = f.outputs, n = m * p;
  const Matrix q_a = matrix_of(f.q_a, m, m), q_s = matrix_of(f.q_s, p, p), lambda = matrix_of(f.lambda, p, m);
  Matrix g(n, n);
  for (int64_t i = 0; i < p; ++i)
    for (int64_t j = 0; j < m; ++j) {
      std::vector<double> direction;
      for (int64_t r = 0; r < p; ++r)
        for (int64_t c = 0; c < m; ++c) direction.push_back(q_s(i, r) * q_a(j, c));
      for (int64_t r = 0; r < n; ++r)
        for (int64_t c = 0; c < n; ++c)
          g(r, c) += lambda(i, j) * direction[static_cast<size_t>(r)] * direction[static_cast<size_t>(c)];
    }
  for (int64_t i = 0; i < n; ++i) g(i, i) += f.damping;
  Matrix solution = v;
  std::vector<int> pivots(static_cast<size_t>(n));
  const int size = static_cast<int>(n), one = 1;
  int info = 0;
  dgesv_(&size, &one, g.data.data(), &size, pivots.data(), solution.data.data(), &size, &info);
  if (info != 0) throw std::runtime_error("the dense curvature is singular");
  return solution;
}

std::vector<float> row(const InfluenceTable& table, int32_t step) {
  const auto begin = table.scores.begin() + static_cast<std::ptrdiff_t>(step) * table.documents;
  return {begin, begin + table.documents};
}

ErrorCode code_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::disk;  // never thrown here
}

}  // namespace

class EkfacTest : public QObject {
  Q_OBJECT

  const std::shared_ptr<Model> model = random_model(tiny_config(2, true), 31);
  // Of several lengths, the empty one included: it predicts its end.
  const std::vector<std::string> texts = {"ab cdefg.", "p",     "mnop ab cd",      "",    "a a a a a a a a", "hgfe.",
                                          "ab cdegf.", "kk lj", "dcba onmlk ponm", "fed."};
  const Corpus corpus = corpus_of(texts);
  const Trace trace = trace_of(*model, "ab cdefg hij k.", {4, 8, 12});
  Factors factors;

  std::vector<int32_t> tokens_of(size_t d) const {
    return document_tokens(*model->tokenizer, texts[d], model->config.context);
  }
  InfluenceTable scores(const AttributeOptions& options, const Corpus& of) const {
    return attribute(*model, &factors, of, {&trace}, options, Control()).at(0);
  }
  // A document's rows with labels drawn as fit draws them: one uniform number a row, in the order of the corpus.
  std::vector<std::vector<LayerRows>> sampled_rows(uint64_t seed) const {
    std::vector<std::vector<LayerRows>> all;
    Random random(seed);
    Workspace work(*model);
    for (size_t d = 0; d < texts.size(); ++d) {
      LabelledBatch labelled;
      labelled.add(tokens_of(d));
      const Matrix logits = ref::linear(from_device(*model->ops, forward(work, labelled.batch)),
                                        from_device(*model->ops, model->weights.unembedding));
      for (size_t n = 0; n < labelled.targets.size(); ++n) {
        const std::vector<double> p = ref::softmax(logits, static_cast<int64_t>(n));
        double left = random.uniform();
        int32_t drawn = 0;
        while (drawn + 1 < tiny_vocabulary && left >= p[static_cast<size_t>(drawn)])
          left -= p[static_cast<size_t>(drawn++)];
        labelled.targets[n] = drawn;
      }
      all.push_back(layer_rows(*model, labelled, 1));
    }
    return all;
  }

 private slots:
  void initTestCase() { factors = fit_factors(*model, corpus, {.seed = 5}, Control()); }

  void fit_describes_itself() {
    QCOMPARE(factors.layers.size(), 14u);
    QCOMPARE(factors.layers[0].name, std::string("blocks.0.attn.q"));
    QCOMPARE(factors.layers[13].name, std::string("blocks.1.mlp.down"));
    QCOMPARE(factors.documents, int64_t{10});
    int64_t rows = 0;
    for (size_t d = 0; d < texts.size(); ++d) rows += static_cast<int64_t>(tokens_of(d).size()) - 1;
    QCOMPARE(factors.tokens, rows);
    QCOMPARE(factors.model_hash, model->hash);
  }

  void eigenbases_diagonalise_the_covariances() {
    const auto all = sampled_rows(5);
    for (size_t i = 0; i < factors.layers.size(); ++i) {
      const LayerFactors& f = factors.layers[i];
      Matrix a(f.inputs, f.inputs), s(f.outputs, f.outputs);
      for (const auto& document : all) {
        a = ref::sum(a, ref::product(ref::transposed(document[i].a), document[i].a));
        s = ref::sum(s, ref::product(ref::transposed(document[i].g), document[i].g));
      }
      const std::vector<std::pair<Matrix, Matrix>> bases = {{matrix_of(f.q_a, f.inputs, f.inputs), a},
                                                            {matrix_of(f.q_s, f.outputs, f.outputs), s}};
      for (const auto& [q, covariance] : bases) {
        const Matrix turned = ref::product(ref::product(q, covariance), ref::transposed(q));
        Matrix diagonal(q.rows, q.rows), identity(q.rows, q.rows);
        for (int64_t n = 0; n < q.rows; ++n) {
          diagonal(n, n) = turned(n, n), identity(n, n) = 1;
          if (n > 0) QVERIFY(turned(n, n) > turned(n - 1, n - 1) - 1e-5 * turned(q.rows - 1, q.rows - 1));
        }
        VERIFY_CLOSE(turned, diagonal, 1e-5);
        VERIFY_CLOSE(ref::product(q, ref::transposed(q)), identity, 1e-5);
      }
    }
  }

  void lambda_is_the_mean_square_in_the_eigenbasis() {
    const auto all = sampled_rows(5 + 0x5eed);
    for (size_t i = 0; i < factors.layers.size(); ++i) {
      const LayerFactors& f = factors.layers[i];
      Matrix lambda(f.outputs, f.inputs);
      for (const auto& document : all) {
        const Matrix turned = ref::product(ref::product(matrix_of(f.q_s, f.outputs, f.outputs), document[i].gradient()),
                                           ref::transposed(matrix_of(f.q_a, f.inputs, f.inputs)));
        for (size_t k = 0; k < lambda.data.size(); ++k)
          lambda.data[k] += turned.data[k] * turned.data[k] / static_cast<double>(texts.size());
      }
      VERIFY_CLOSE(matrix_of(f.lambda, f.outputs, f.inputs), lambda, 1e-4);
      const double mean =
          std::accumulate(lambda.data.begin(), lambda.data.end(), 0.0) / static_cast<double>(lambda.data.size());
      QVERIFY(std::abs(f.damping / (0.1 * mean) - 1) < 1e-4);
    }
  }

  void scores_equal_the_dense_inverse() {
    const InfluenceTable table = scores({}, corpus);
    const InfluenceTable plain = scores({.method = "gradient"}, corpus);
    QCOMPARE(table.steps, 3);
    std::vector<std::vector<Matrix>> documents;
    for (size_t d = 0; d < texts.size(); ++d)
      documents.push_back(span_gradients(*model, tokens_of(d), 1, static_cast<int32_t>(tokens_of(d).size())));
    for (int32_t s = 0; s < table.steps; ++s) {
      const Step& step = trace.steps[static_cast<size_t>(table.step_index[static_cast<size_t>(s)])];
      const std::vector<Matrix> query = span_gradients(*model, trace.tokens, step.begin, step.end);
      std::vector<double> expected(texts.size(), 0.0), dots(texts.size(), 0.0);
      std::vector<std::array<double, 2>> by_layer(texts.size(), {0.0, 0.0});
      for (size_t i = 0; i < query.size(); ++i) {
        const Matrix curved = dense_inverse_product(factors.layers[i], query[i]);
        for (size_t d = 0; d < texts.size(); ++d) {
          const double part = dot(curved, documents[d][i]) / static_cast<double>(texts.size());
          expected[d] += part;
          by_layer[d][i / linears.size()] += part;
          dots[d] += dot(query[i], documents[d][i]);
        }
      }
      VERIFY_CLOSE(row(table, s), expected, 1e-4);
      VERIFY_CLOSE(row(plain, s), dots, 1e-5);
      for (const ShownDocument& shown : table.shown)
        for (int32_t l = 0; l < 2; ++l)
          QVERIFY(std::abs(shown.layer_scores[static_cast<size_t>(s * 2 + l)] -
                           by_layer[static_cast<size_t>(shown.index)][static_cast<size_t>(l)]) <
                  1e-4 * std::abs(*std::max_element(expected.begin(), expected.end())));
    }
  }

  void sums_add_up() {
    const InfluenceTable table = scores({.top = 4, .batch_tokens = 24}, corpus);
    QVERIFY(table.additivity <= 1e-4);
    // The same completion as one step.
    Trace whole = trace;
    whole.steps = {trace.steps[0], {trace.steps[1].begin, trace.size(), StepKind::answer, "", ""}};
    const InfluenceTable one = attribute(*model, &factors, corpus, {&whole}, {}, Control()).at(0);
    std::vector<double> sums(texts.size(), 0.0);
    for (int32_t s = 0; s < table.steps; ++s)
      for (int32_t d = 0; d < table.documents; ++d) sums[static_cast<size_t>(d)] += table.score(s, d);
    VERIFY_CLOSE(row(one, 0), sums, 1e-4);
    QVERIFY(std::abs(std::accumulate(table.nats.begin(), table.nats.end(), 0.0) / one.nats[0] - 1) < 1e-5);

    double most = 0;
    for (const float score : table.scores) most = std::max(most, std::abs(static_cast<double>(score)));
    for (const ShownDocument& shown : table.shown) {
      const auto tokens = static_cast<size_t>(shown.tokens());
      QCOMPARE(tokens, tokens_of(static_cast<size_t>(shown.index)).size());
      QCOMPARE(shown.token_offsets.back(), static_cast<uint32_t>(shown.text.size()));
      for (size_t s = 0; s < 3; ++s) {
        const auto sum = [&](TokenPart part) {
          const auto scores = shown.scores_of(part, static_cast<int>(s));
          return scores.size() == tokens ? std::accumulate(scores.begin(), scores.end(), 0.0) : NAN;
        };
        double by_layer = 0;
        for (size_t l = 0; l < 2; ++l) by_layer += shown.layer_scores[s * 2 + l];
        const double score = table.score(static_cast<int32_t>(s), shown.index);
        QVERIFY(std::abs(sum(TokenPart::read) - score) < 1e-5 * most);
        QVERIFY(std::abs(sum(TokenPart::predicted) - score) < 1e-5 * most);
        QVERIFY(std::abs(by_layer - score) < 1e-5 * most);
        QCOMPARE(shown.token_scores[s * tokens + tokens - 1], 0.0f);  // the last token predicts nothing
        QCOMPARE(shown.output_scores[s * tokens], 0.0f);              // and nothing the first
      }
    }
    // The lists hold the extremes, strongest first, and every document in them is shown.
    for (int32_t s = 0; s < 3; ++s) {
      std::vector<float> sorted = row(table, s);
      std::sort(sorted.begin(), sorted.end());
      for (int32_t n = 0; n < 4; ++n) {
        QCOMPARE(table.score(s, table.top_documents[static_cast<size_t>(s * 4 + n)]),
                 sorted[sorted.size() - 1 - static_cast<size_t>(n)]);
        QCOMPARE(table.score(s, table.bottom_documents[static_cast<size_t>(s * 4 + n)]),
                 sorted[static_cast<size_t>(n)]);
        QVERIFY(table.find(table.top_documents[static_cast<size_t>(s * 4 + n)]));
      }
    }
  }

  void packing_and_order_change_nothing() {
    const std::vector<float> expected = scores({}, corpus).scores;
    for (const int64_t budget : {1, 16, 40, 4096})
      VERIFY_CLOSE(scores({.batch_tokens = budget}, corpus).scores, expected, 1e-5);

    const std::vector<size_t> order = {7, 2, 9, 0, 5, 3, 8, 1, 6, 4};
    std::vector<std::string> moved;
    for (const size_t d : order) moved.push_back(texts[d]);
    const InfluenceTable table = scores({}, corpus_of(moved));
    std::vector<float> back(expected.size());
    for (int32_t s = 0; s < table.steps; ++s)
      for (size_t d = 0; d < order.size(); ++d)
        back[static_cast<size_t>(s) * 10 + order[d]] = table.score(s, static_cast<int32_t>(d));
    VERIFY_CLOSE(back, expected, 1e-5);

    // Two traces in one pass are two passes of one.
    const Trace other = trace_of(*model, "mnop cdba", {5});
    const auto both = attribute(*model, &factors, corpus, {&other, &trace}, {}, Control());
    QCOMPARE(both.size(), 2u);
    VERIFY_CLOSE(both[1].scores, expected, 1e-5);
    VERIFY_CLOSE(both[0].scores, attribute(*model, &factors, corpus, {&other}, {}, Control()).at(0).scores, 1e-5);
  }

  // Bases of a close pair of eigenvalues may turn between batch sizes, so Lambda is compared by its mean.
  void batches_of_the_fit_change_nothing() {
    const Factors small = fit_factors(*model, corpus, {.seed = 5, .batch_tokens = 16}, Control());
    for (size_t i = 0; i < factors.layers.size(); ++i)
      QVERIFY(std::abs(small.layers[i].damping / factors.layers[i].damping - 1) < 1e-4);
    const auto table = attribute(*model, &small, corpus, {&trace}, {}, Control()).at(0);
    VERIFY_CLOSE(table.scores, scores({}, corpus).scores, 1e-2);
    const Factors other_seed = fit_factors(*model, corpus, {.seed = 6}, Control());
    QVERIFY(other_seed.layers[0].lambda != factors.layers[0].lambda);
  }

  void refusals() {
    const auto attempt = [&](const Factors* f, const Trace& t, const std::string& method) {
      return code_of([&] { attribute(*model, f, corpus, {&t}, {.method = method}, Control()); });
    };
    Factors foreign = factors;
    foreign.model_hash = "another";
    QCOMPARE(attempt(&foreign, trace, "ekfac"), ErrorCode::does_not_fit);
    QCOMPARE(attempt(nullptr, trace, "ekfac"), ErrorCode::usage);
    QCOMPARE(attempt(&factors, trace, "magic"), ErrorCode::usage);
    Trace stranger = trace;
    stranger.model_hash = "another";
    QCOMPARE(attempt(&factors, stranger, "ekfac"), ErrorCode::does_not_fit);
    Trace only_prompt = trace;
    only_prompt.steps.resize(1);
    QCOMPARE(attempt(&factors, only_prompt, "ekfac"), ErrorCode::does_not_fit);
    Factors short_of_layers = factors;
    short_of_layers.layers.pop_back();
    QCOMPARE(attempt(&short_of_layers, trace, "ekfac"), ErrorCode::does_not_fit);
  }

  void cancel_stops_in_the_middle() {
    for (const std::string stage : {"scanning the documents", "covariances", "eigenvalues", "query gradients"}) {
      Control control;
      double reached = -1, total = 0;
      control.report = [&](const Progress& progress) {
        if (progress.stage != stage) return;
        reached = progress.done, total = progress.total;
        control.cancel();
      };
      const ErrorCode code = code_of([&] {
        const Factors fresh = fit_factors(*model, corpus, {.batch_tokens = 16}, control);
        attribute(*model, &fresh, corpus, {&trace}, {.batch_tokens = 16}, control);
      });
      QCOMPARE(code, ErrorCode::cancelled);
      QVERIFY(reached >= 0 && reached < total);
    }
  }
};

QTEST_GUILESS_MAIN(EkfacTest)
#include "ekfac_test.moc"

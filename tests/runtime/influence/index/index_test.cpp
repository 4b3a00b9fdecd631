// An index answers as a scan does, adds without touching what is there, and ends with the same bytes however it was
// made.
#include "runtime/influence/index/index.h"

#include <QtTest>
#include <cmath>

#include "runtime/influence/attribute.h"
#include "runtime/influence/index/answer.h"
#include "runtime/influence/index/build.h"
#include "runtime/influence/scan/scan.h"
#include "runtime/study/index_recall.h"
#include "tests/support/says.h"
#include "tests/support/tiny_model.h"

namespace fs = std::filesystem;
using namespace stemma;
using namespace stemma::test;

namespace {

std::vector<std::string> some_texts(size_t count) {
  auto texts = random_texts(count, 11, 9);
  texts.push_back("");
  texts.push_back("p");
  return texts;
}

QByteArray contents(const fs::path& path) {
  QFile file(QString::fromStdString(path.string()));
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray("cannot be read");
}

}  // namespace

class IndexTest : public QObject {
  Q_OBJECT

  const std::shared_ptr<Model> model_ = random_model(tiny_config(2, true), 31);
  const Corpus corpus_ = corpus_of(some_texts(40));
  const Trace trace_ = trace_of(*model_, "ab cdefg hij k.", {4, 8, 12});
  Factors factors_;
  std::unique_ptr<QTemporaryDir> folder_;

  fs::path path() const { return fs::path(folder_->path().toStdString()) / "I.h5"; }
  // Directions enough for the whole of every gradient.
  static IndexOptions whole() {
    IndexOptions options;
    options.basis.directions = 96;
    options.batch_tokens = 32;
    options.part_documents = 16;
    return options;
  }
  IndexSearch searched() const { return {model_, std::make_shared<const Factors>(factors_), path()}; }
  IndexBuilt build(const Corpus& corpus) const {
    return build_index(path(), *model_, factors_, corpus, whole(), Control());
  }

 private slots:
  void initTestCase() {
    factors_ = fit_factors(*model_, corpus_, {.batch_tokens = 32}, Control());
    QTemporaryDir folder;
    save_factors(factors_, fs::path(folder.path().toStdString()) / "F.h5");
  }
  void init() { folder_ = std::make_unique<QTemporaryDir>(); }

  void answers_from_all_of_its_parts_only() {
    build(corpus_of(some_texts(40)));
    searched();
    for (const int part : {1, 2}) {
      const fs::path moved = index_part_path(path(), part), aside = moved.string() + ".aside";
      fs::rename(moved, aside);
      const std::string error = error_when([&] { searched(); });
      VERIFY_SAYS(error, moved.filename().string() + ": is missing");
      fs::rename(aside, moved);
    }
    for (int part = 1; fs::exists(index_part_path(path(), part)); ++part) fs::remove(index_part_path(path(), part));
    VERIFY_SAYS(error_when([&] { searched(); }), "holds no documents");
  }

  // As many directions as documents and spans: nothing is lost but the rounding to bytes.
  void estimates_are_the_scores() {
    const Corpus corpus = corpus_of(some_texts(25));
    build(corpus);
    const Index index(path());
    QCOMPARE(index.parts(), 2);
    QCOMPARE(index.documents(), int64_t(corpus.documents.size()));
    const Questions questions = questions_of_steps(*model_, {&trace_});
    QueryGradients gradients = gradients_of(*model_, questions);
    const auto estimates = searched().estimates(gradients, Control());
    precondition(*model_, factors_, gradients);
    const auto scores =
        scan(*model_, gradients, DocumentBatches(*model_, corpus, 32, Control()), corpus.documents.size(), Control());
    QCOMPARE(estimates.size(), scores.size());
    float largest = 0, apart = 0;
    for (size_t i = 0; i < scores.size(); ++i) {
      largest = std::max(largest, std::abs(scores[i]));
      apart = std::max(apart, std::abs(scores[i] - estimates[i]));
    }
    qInfo("estimates within %.1e of the largest score", double(apart / largest));
    QVERIFY(largest > 0);
    QVERIFY(apart < 1e-2f * largest);
    IndexSearch search = searched();
    for (const QueryRecall& query : index_recall(search, questions, 5, candidate_options(8, 1), {5}, Control())) {
      QCOMPARE(query.recall, 1.0);
      QCOMPARE(query.recall_of.at(0), 1.0);
      QCOMPARE(query.scored, int64_t(10));
    }
  }

  // Rows and products of chosen documents, over parts, are those of a search.
  void rows_of_some() {
    build(corpus_);
    const Index index(path());
    QVERIFY(index.parts() > 1);
    const std::vector<int64_t> some = {0, 3, 15, 16, 33, index.documents() - 1};
    const int64_t numbers = index.head().basis.numbers;
    std::vector<float> direction, asked;
    for (int64_t i = 0; i < numbers; ++i) direction.push_back(std::sin(static_cast<float>(i)));
    asked = direction;
    asked.push_back(1);
    const auto ops = make_cpu_ops();
    const auto all = index.scores(*ops, asked, Control()), products = index.along(*ops, some, direction),
               rows = index.rows(some);
    for (size_t n = 0; n < some.size(); ++n) {
      const float expected = all.at(static_cast<size_t>(some[n]));
      double sum = 0;
      for (int64_t i = 0; i < numbers; ++i) sum += double(rows.at(n * numbers + i)) * direction[i];
      QVERIFY(std::abs(products.at(n) - expected) <= 1e-4f * (1 + std::abs(expected)));
      QVERIFY(std::abs(sum - expected) <= 1e-3 * (1 + std::abs(expected)));
    }
  }

  void fewer_numbers_say_less() {
    IndexOptions few = whole();
    few.basis.numbers = 4;
    build_index(path(), *model_, factors_, corpus_, few, Control());
    const Index index(path());
    QCOMPARE(index.head().basis.numbers, int64_t(4));
    IndexSearch search = searched();
    for (const QueryRecall& query :
         index_recall(search, questions_of_steps(*model_, {&trace_}), 5, candidate_options(8, 1), {}, Control()))
      QVERIFY(query.agreement < 0.9999);
  }

  // What is answered is what a scan says of those documents, in its units.
  void answers_as_a_scan_does() {
    build(corpus_);
    const InfluenceTable scanned =
        attribute(*model_, &factors_, corpus_, {&trace_}, {.top = 4, .batch_tokens = 32}, Control()).at(0);
    IndexSearch search = searched();
    std::vector<InfluenceTable> so_far;
    const InfluenceTable answered =
        answer(search, {&trace_}, {.top = 4, .batch_tokens = 32, .rescore = 12}, Control(),
               [&](std::vector<InfluenceTable> tables) { so_far.push_back(std::move(tables.at(0))); })
            .at(0);
    QCOMPARE(answered.searched, int64_t(corpus_.documents.size()));
    QVERIFY(answered.documents < scanned.documents);
    QCOMPARE(answered.corpus_hash, corpus_.hash);
    for (int32_t s = 0; s < scanned.steps; ++s)
      for (int32_t n = 0; n < 4; ++n) {
        const int32_t a = scanned.top_documents[size_t(s * scanned.top + n)],
                      b = answered.top_documents[size_t(s * answered.top + n)];
        QCOMPARE(answered.document_ids[size_t(b)], scanned.document_ids[size_t(a)]);
        const float score = scanned.score(s, a);
        QVERIFY(std::abs(answered.score(s, b) - score) <= 1e-5f * std::abs(score));
        QCOMPARE(answered.find(b)->text, scanned.find(a)->text);
      }
  }

  // One query's tokens and layers are known when it is scored; a scan takes the documents shown apart once more.
  void answers_one_question_as_a_scan_does() {
    build(corpus_);
    AttributeOptions options{.top = 4, .batch_tokens = 32, .rescore = 12};
    options.span = AskedSpan{8, 12, ""};
    const InfluenceTable scanned = attribute(*model_, &factors_, corpus_, {&trace_}, options, Control()).at(0);
    IndexSearch search = searched();
    const InfluenceTable answered = answer(search, {&trace_}, options, Control()).at(0);
    QCOMPARE(answered.method, scanned.method);
    QCOMPARE(answered.shown.size(), scanned.shown.size());
    const auto near = [](const std::vector<float>& some, const std::vector<float>& others) {
      float largest = 0;
      for (const float value : others) largest = std::max(largest, std::abs(value));
      bool all = some.size() == others.size() && !some.empty() && largest > 0;
      for (size_t i = 0; all && i < some.size(); ++i) all = std::abs(some[i] - others[i]) <= 1e-5f * largest;
      return all;
    };
    for (size_t n = 0; n < size_t(scanned.top); ++n) {
      const ShownDocument &expected = *scanned.find(scanned.top_documents[n]),
                          &found = *answered.find(answered.top_documents[n]);
      QCOMPARE(found.text, expected.text);
      QVERIFY(near(found.token_scores, expected.token_scores));
      QVERIFY(near(found.layer_scores, expected.layer_scores));
      QVERIFY(near(found.output_scores, expected.output_scores));
    }
  }

  void new_documents_touch_nothing_old() {
    build(corpus_of(some_texts(20)));
    const QByteArray head = contents(path()), first = contents(index_part_path(path(), 1));
    QCOMPARE(Index(path()).corpus_documents(), int64_t(22));
    Corpus more = corpus_;
    more.hash = "more";
    for (size_t i = 0; i < 22; ++i) more.documents[i].id = corpus_of(some_texts(20)).documents[i].id;
    const IndexBuilt built = build(more);
    QCOMPARE(built.there_already, int64_t(22));
    QCOMPARE(built.added, int64_t(more.documents.size()) - 22);
    QCOMPARE(contents(path()), head);
    QCOMPARE(contents(index_part_path(path(), 1)), first);
    QCOMPARE(Index(path()).documents(), int64_t(more.documents.size()));
    QCOMPARE(Index(path()).corpus_documents(), int64_t(more.documents.size()));
    QCOMPARE(build(more).added, int64_t(0));
  }

  // On disk it is what was foretold, but for names and what HDF5 adds to each data set: a ninth of so small an index.
  void bytes() {
    build(corpus_);
    const Index index(path());
    int64_t tokens = 0;
    for (int64_t d = 0; d < index.documents(); ++d) tokens += std::ssize(index.tokens(d));
    const double foretold = index_bytes(*model_, whole(), index.documents(), tokens);
    QVERIFY2(foretold <= double(index.bytes()) && foretold > 0.85 * double(index.bytes()),
             qPrintable(QString("%1 foretold, %2 written").arg(foretold).arg(index.bytes())));
  }

  void goes_on_where_it_was_cut_off() {
    build(corpus_);
    const QByteArray second = contents(index_part_path(path(), 2)), third = contents(index_part_path(path(), 3));
    fs::remove(index_part_path(path(), 2));
    fs::remove(index_part_path(path(), 3));
    QCOMPARE(build(corpus_).there_already, int64_t(16));
    QCOMPARE(contents(index_part_path(path(), 2)), second);
    QCOMPARE(contents(index_part_path(path(), 3)), third);
  }

  // A step asked about as a span is that step; its tokens add up to it; a text is not likelier than itself.
  void spans() {
    const auto ask = [&](int32_t begin, int32_t end, const std::string& against) {
      AttributeOptions options{.top = 1, .batch_tokens = 32};
      options.span = AskedSpan{begin, end, against};
      InfluenceTable table = attribute(*model_, &factors_, corpus_, {&trace_}, options, Control()).at(0);
      [&] { QVERIFY(table.asked == options.span && AskedSpan::of_method(table.method) == options.span); }();
      return table;
    };
    QVERIFY(!AskedSpan::of_method("ekfac") && !AskedSpan::of_method("ekfac of tokens x-7"));
    const InfluenceTable steps =
        attribute(*model_, &factors_, corpus_, {&trace_}, {.top = 1, .batch_tokens = 32}, Control()).at(0);
    const InfluenceTable span = ask(4, 8, "");
    QCOMPARE(span.method, std::string("ekfac of tokens 4-7"));
    QCOMPARE(span.step_index.at(0), steps.step_index.at(0));
    QVERIFY(std::isnan(span.additivity));
    std::vector<InfluenceTable> tokens;
    for (int32_t t = 4; t < 8; ++t) tokens.push_back(ask(t, t + 1, ""));
    const std::string own = trace_.text.substr(3, 4);  // what tokens 4 to 7 spell: <s> comes first
    const InfluenceTable same = ask(4, 8, own), other = ask(4, 8, "ppp");
    float largest = 0;
    for (int32_t d = 0; d < steps.documents; ++d) largest = std::max(largest, std::abs(steps.score(0, d)));
    bool differs = false;
    for (int32_t d = 0; d < steps.documents; ++d) {
      QVERIFY(std::abs(span.score(0, d) - steps.score(0, d)) <= 1e-5f * largest);
      float sum = 0;
      for (const auto& token : tokens) sum += token.score(0, d);
      QVERIFY(std::abs(sum - span.score(0, d)) <= 1e-4f * largest);
      QVERIFY(std::abs(same.score(0, d)) <= 1e-6f * largest);
      differs = differs || std::abs(other.score(0, d) - span.score(0, d)) > 1e-2f * largest;
    }
    QVERIFY(differs);
    QCOMPARE(same.nats.at(0), 0.0f);
    VERIFY_SAYS(error_when([&] { ask(0, 2, ""); }), "no tokens 0 to 1");
    VERIFY_SAYS(error_when([&] { ask(3, 99, ""); }), "no tokens 3 to 98");
  }

  void broken_files() {
    build(corpus_);
    const fs::path part = index_part_path(path(), 2);
    fs::resize_file(part, fs::file_size(part) / 2);
    VERIFY_SAYS(error_when([&] { Index index(path()); }), ".0002.h5");
    fs::remove(part);
    fs::copy_file(path(), part);
    VERIFY_SAYS(error_when([&] { Index index(path()); }), "no index of documents");
    fs::remove(part);
    const IndexHead head = Index(path()).head();
    const std::vector<uint8_t> numbers(static_cast<size_t>(kept_bytes(head.basis.numbers)));
    save_index_part({.numbers = numbers, .lengths = {NAN}, .token_begin = {0, 0}, .ids = {"x"}, .names = {""}, .sources = {""}},
                    head, part);
    VERIFY_SAYS(error_when([&] { Index index(path()); }), "lengths that are no numbers");
    fs::remove(part);
    Factors others = factors_;
    others.hash = "other";
    VERIFY_SAYS(error_when([&] { build_index(path(), *model_, others, corpus_, whole(), Control()); }),
                "other factors");
    VERIFY_SAYS(error_when([&] { IndexSearch(model_, std::make_shared<const Factors>(others), path()); }),
                "other factors");
    save_index_part({.token_begin = {0}}, Index(path()).head(), index_part_path(path(), 2));
    VERIFY_SAYS(
        error_when([&] { save_index_part({.token_begin = {0}}, Index(path()).head(), index_part_path(path(), 2)); }),
        "another program");
  }
};

QTEST_GUILESS_MAIN(IndexTest)
#include "index_test.moc"

// A trace from a stranger's session is asked about only where the model has its tokens.
#include "runtime/influence/questions/questions.h"

#include <QtTest>

#include "tests/support/says.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;

class QuestionsTest : public QObject {
  Q_OBJECT

  const std::shared_ptr<Model> model_ = random_model(tiny_config(2, true), 31);
  const Trace trace_ = trace_of(*model_, "ab cdefg hij k.", {4, 8, 12});

 private slots:
  void steps_and_spans() {
    const Questions steps = questions_of(*model_, {&trace_}, {});
    QCOMPARE(steps.queries.size(), size_t{3});
    const Questions span = questions_of(*model_, {&trace_}, AskedSpan{5, 7, "c"});
    QCOMPARE(span.queries.front().begin, 5);
    QCOMPARE(span.queries.front().end, 7);
    QCOMPARE(span.against.size(), size_t{1});
    for (const auto& [begin, end] : {std::pair{0, 1}, {7, 5}, {5, 99}})
      VERIFY_SAYS(error_when([&] { questions_of(*model_, {&trace_}, AskedSpan{begin, end, ""}); }), "has no tokens");
  }

  void tokens_that_the_model_lacks() {
    for (const int32_t id : {-1, tiny_vocabulary, INT32_MAX}) {
      Trace trace = trace_;
      trace.tokens[6] = id;
      VERIFY_SAYS(error_when([&] { questions_of(*model_, {&trace}, {}); }), "a token that the model does not have");
      VERIFY_SAYS(error_when([&] {
                    questions_of(*model_, {&trace}, AskedSpan{8, 9, ""});
                  }),
                  "a token that the model does not have");
    }
    Trace longer = trace_;
    longer.tokens.resize(static_cast<size_t>(model_->config.context) + 1, 1);
    VERIFY_SAYS(error_when([&] { questions_of(*model_, {&longer}, AskedSpan{8, 9, ""}); }), "context");
    Trace other = trace_;
    other.model_hash = "another";
    VERIFY_SAYS(error_when([&] { questions_of(*model_, {&other}, {}); }), "other weights");
  }
};

QTEST_GUILESS_MAIN(QuestionsTest)
#include "questions_test.moc"

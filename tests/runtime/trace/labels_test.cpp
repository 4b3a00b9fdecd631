// Lexical labels: sentences of each kind, and how often they agree with the published ones.
#include "runtime/trace/labels.h"

#include <QtTest>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/trace/steps.h"
#include "tests/support/json.h"

using namespace stemma;

class LabelsTest : public QObject {
  Q_OBJECT
 private slots:
  void sentences_data() {
    QTest::addColumn<QString>("sentence");
    QTest::addColumn<QString>("label");
    const auto row = [](const char* sentence, const char* label) { QTest::newRow(sentence) << sentence << label; };
    row("The problem asks for the slope of a line.", "problem_setup");
    row("Let me first find the difference of the heights.", "plan_generation");
    row("Recall that a slope is rise over run.", "fact_retrieval");
    row("By definition the policy forbids it.", "fact_retrieval");
    row("3 + 4 = 7.", "active_computation");
    row("Therefore x = 12 / 4 = 3.", "active_computation");
    row("Subtract the smaller from the larger.", "active_computation");
    row("Hmm, that seems too big.", "uncertainty_management");
    row("Wait, I took the wrong sign.", "uncertainty_management");
    row("So the line falls.", "result_consolidation");
    row("Let me check that.", "self_checking");
    row("I will verify the sum.", "self_checking");
    row("The final answer is 12.", "final_answer_emission");
    row("It is \\boxed{12}.", "final_answer_emission");
    row("Blue and green.", "");
    row("An address is a place.", "");  // "add" is no word here
    row("", "");
  }
  void sentences() {
    QFETCH(QString, sentence);
    QFETCH(QString, label);
    QCOMPARE(QString::fromUtf8(lexical_label(sentence.toStdString())), label);
  }

  void steps_are_labelled_once() {
    Trace trace;
    trace.text = "Q?<think>Let me add them. Blue and green.</think>7";
    trace.token_offsets = {0, 2, 25, 41, 49, 50};
    trace.tokens = {1, 2, 3, 4, 5};
    trace.prompt_tokens = 1;
    trace.steps = split_steps(trace);
    QCOMPARE(trace.steps.size(), size_t{4});
    label_steps(trace);
    QCOMPARE(trace.steps[0].label, std::string());
    QCOMPARE(trace.steps[1].label, std::string("plan_generation"));
    QCOMPARE(trace.steps[1].labelled_by, std::string("lexical"));
    QCOMPARE(trace.steps[2].label, std::string());
    QCOMPARE(trace.steps[2].labelled_by, std::string());
    QCOMPARE(trace.steps[3].label, std::string("final_answer_emission"));
    trace.steps[1].label = "self_checking";
    trace.steps[1].labelled_by = "person";
    label_steps(trace);
    QCOMPARE(trace.steps[1].labelled_by, std::string("person"));
  }

  // A fallback, not a judge: it must beat naming every sentence by the commonest kind (0.39 of these).
  void published_labels() {
    namespace fs = std::filesystem;
    const fs::path shared = fs::path(STEMMA_SHARED_DATA) / "09_reasoning/thought_anchors";
    if (!fs::exists(shared)) QSKIP("the shared reference data is not on this machine");
    int total = 0, labelled = 0, right = 0;
    for (const auto& entry : fs::recursive_directory_iterator(shared)) {
      if (entry.path().filename() != "chunks_labeled.json") continue;
      for (const auto& chunk : test::json_in(entry.path())) {
        if (!chunk.contains("function_tags") || chunk["function_tags"].empty()) continue;
        const std::string_view label = lexical_label(chunk["chunk"].get<std::string>());
        QVERIFY(label.empty() || std::find(step_labels.begin(), step_labels.end(), label) != step_labels.end());
        ++total;
        labelled += !label.empty();
        right += label == chunk["function_tags"][0].get<std::string>();
      }
    }
    qInfo("%d sentences, %d labelled, %d as published", total, labelled, right);
    QVERIFY(right > 0.5 * labelled);
    QVERIFY(right > 0.39 * total);
  }
};

QTEST_GUILESS_MAIN(LabelsTest)
#include "labels_test.moc"

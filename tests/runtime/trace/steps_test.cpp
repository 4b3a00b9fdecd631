// Traces cut by hand, held against split_steps; and the reference's own cuts of 42 traces.
#include "runtime/trace/steps.h"

#include <QtTest>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/json.h"

using namespace stemma;

namespace {

using Pieces = std::vector<std::string>;

// A trace of these tokens, the first `prompt` of them the prompt.
Trace trace_of(const Pieces& tokens, int32_t prompt) {
  Trace trace;
  trace.token_offsets = {0};
  for (const std::string& token : tokens) {
    trace.tokens.push_back(trace.size());
    trace.text += token;
    trace.token_offsets.push_back(static_cast<uint32_t>(trace.text.size()));
  }
  trace.prompt_tokens = prompt;
  return trace;
}

// A token per byte: cuts then fall exactly where the definition puts them.
Trace bytes_of(const std::string& prompt, const std::string& generated) {
  Pieces tokens;
  for (const char c : prompt + generated) tokens.emplace_back(1, c);
  return trace_of(tokens, static_cast<int32_t>(prompt.size()));
}

// "prompt|thought|..." with the first letter of each kind before its text.
Pieces cut(Trace trace) {
  trace.steps = split_steps(trace);
  Pieces pieces;
  int32_t end = 0;
  for (const Step& step : trace.steps) {
    if (step.begin != end || step.end <= step.begin) return {"no partition"};
    end = step.end;
    pieces.push_back(std::string(name_of(step.kind)).substr(0, 1) + ":" + trace.step_text(step));
  }
  if (end != trace.size()) return {"tokens left over"};
  return pieces;
}

}  // namespace

class StepsTest : public QObject {
  Q_OBJECT
 private slots:
  void by_hand_data() {
    QTest::addColumn<QString>("prompt");
    QTest::addColumn<QString>("generated");
    QTest::addColumn<QStringList>("due");
    const auto row = [](const char* name, const char* prompt, const char* generated, const QStringList& due) {
      QTest::newRow(name) << prompt << generated << due;
    };
    row("tags in what is generated", "Q?\n", "<think>First we add. Then we stop.</think>7",
        {"p:Q?\n", "t:<think>First we add.", "t: Then we stop.</think>", "a:7"});
    row("white space before the tag", "Q?", "\n<think>First we add.\n</think>\n\n7",
        {"p:Q?", "t:\n<think>First we add.\n</think>", "a:\n\n7"});
    row("the prompt ends in the tag", "Q?<think>\n", "First we add. Then we stop.</think>7",
        {"p:Q?<think>\n", "t:First we add.", "t: Then we stop.</think>", "a:7"});
    row("no closing tag", "Q?", "<think>First we add. Then we are cut o",
        {"p:Q?", "t:<think>First we add.", "t: Then we are cut o"});
    row("a closing tag in the prompt is no end", "Say </think>!\n", "<think>A first thought. A second one.</think>ok",
        {"p:Say </think>!\n", "t:<think>A first thought.", "t: A second one.</think>", "a:ok"});
    row("no thought", "Q?", "The answer. Is seven.", {"p:Q?", "a:The answer. Is seven."});
    row("empty thought", "Q?", "<think>\n\n</think>\n\nSeven.", {"p:Q?", "a:<think>\n\n</think>\n\nSeven."});
    row("empty thought forced by the prompt", "Q?<think></think>", "Seven is it.",
        {"p:Q?<think></think>", "a:Seven is it."});
    row("closing tag at once after the prompt's", "Q?<think>", "</think>Seven.", {"p:Q?<think>", "a:</think>Seven."});
    row("words before the thought", "Q?", "Sure! <think>We add the two.</think>7",
        {"p:Q?", "a:Sure! ", "t:<think>We add the two.</think>", "a:7"});
    row("no answer yet", "Q?", "<think>We add the two.</think>", {"p:Q?", "t:<think>We add the two.</think>"});
    row("only a prompt", "Q?", "", {"p:Q?"});
    row("decimals", "Q", "<think>Pi is 3.14159 or so. It is 2.5 times that.</think>x",
        {"p:Q", "t:<think>Pi is 3.14159 or so.", "t: It is 2.5 times that.</think>", "a:x"});
    row("question and exclamation", "Q", "<think>Is it seven? It must be! Yes, surely.</think>x",
        {"p:Q", "t:<think>Is it seven?", "t: It must be!", "t: Yes, surely.</think>", "a:x"});
    row("several marks", "Q", "<think>Is it seven?!? It must be...  Yes, surely.</think>x",
        {"p:Q", "t:<think>Is it seven?!?", "t: It must be...", "t:  Yes, surely.</think>", "a:x"});
    row("blank line", "Q", "<think>A list follows\n\nThe first entry\nand its end</think>x",
        {"p:Q", "t:<think>A list follows", "t:\n\nThe first entry\nand its end</think>", "a:x"});
    row("blank line of spaces, then more", "Q", "<think>A list follows\n \t\n\nThe first entry</think>x",
        {"p:Q", "t:<think>A list follows", "t:\n \t\n\nThe first entry</think>", "a:x"});
    row("a short piece joins the next", "Q", "<think>Wait. That is not right. 1. Add both numbers.</think>x",
        {"p:Q", "t:<think>Wait. That is not right.", "t: 1. Add both numbers.</think>", "a:x"});
    row("short pieces join until long enough", "Q", "<think>A. B. C. D. And the rest is long.</think>x",
        {"p:Q", "t:<think>A. B. C. D.", "t: And the rest is long.</think>", "a:x"});
    row("a short last piece joins the one before", "Q", "<think>We add the two. Done.</think>x",
        {"p:Q", "t:<think>We add the two. Done.</think>", "a:x"});
    row("one short piece", "Q", "<think>Done.</think>x", {"p:Q", "t:<think>Done.</think>", "a:x"});
    row("ten characters, not bytes", "Q", "<think>\u00e4\u00f6\u00fc\u00df\u00e4\u00f6. But this is long.</think>x",
        {"p:Q", "t:<think>\u00e4\u00f6\u00fc\u00df\u00e4\u00f6. But this is long.</think>", "a:x"});
    row("an unterminated last sentence is kept", "Q", "<think>We add the two. So it must be seven</think>x",
        {"p:Q", "t:<think>We add the two.", "t: So it must be seven</think>", "a:x"});
    row("a repeated sentence stands each time", "Q",
        "<think>Let me think. We add them. Let me think. We add them.</think>x",
        {"p:Q", "t:<think>Let me think.", "t: We add them.", "t: Let me think.", "t: We add them.</think>", "a:x"});
    row("only the first thought", "Q", "<think>We add the two.</think>x <think>no step of its own. Really.</think> y",
        {"p:Q", "t:<think>We add the two.</think>", "a:x <think>no step of its own. Really.</think> y"});
    row("Magistral", "Q", "[THINK]We add the two. Then we stop.[/THINK]7",
        {"p:Q", "t:[THINK]We add the two.", "t: Then we stop.[/THINK]", "a:7"});
    row("gpt-oss", "Q<|start|>assistant", "<|channel|>analysis<|message|>We add the two.<|end|>7",
        {"p:Q<|start|>assistant", "t:<|channel|>analysis<|message|>We add the two.<|end|>", "a:7"});
    row("Kimi", "Q", "\u25c1think\u25b7We add the two.\u25c1/think\u25b77",
        {"p:Q", "t:\u25c1think\u25b7We add the two.\u25c1/think\u25b7", "a:7"});
  }
  void by_hand() {
    QFETCH(QString, prompt);
    QFETCH(QString, generated);
    QFETCH(QStringList, due);
    QStringList pieces;
    for (const std::string& piece : cut(bytes_of(prompt.toStdString(), generated.toStdString())))
      pieces.push_back(QString::fromStdString(piece));
    QCOMPARE(pieces, due);
  }

  // A token over a cut belongs to the step in which it starts.
  void tokens_that_straddle() {
    QCOMPARE(
        cut(trace_of({"Q", "<think>", "We add", " both", ".\n\n", "Then we", " stop here", ". N", "ow all is done",
                      ".</", "think", ">\n\n", "7"},
                     1)),
        (Pieces{"p:Q", "t:<think>We add both.\n\n", "t:Then we stop here. N", "t:ow all is done.</think>\n\n", "a:7"}));
    // One token over two cuts makes no empty step.
    QCOMPARE(
        cut(trace_of({"Q", "<think>", "We add both. They make seven. So", " it is done now.", "</think>", "7"}, 1)),
        (Pieces{"p:Q", "t:<think>We add both. They make seven. So", "t: it is done now.</think>", "a:7"}));
    // A token that holds the tag and more.
    QCOMPARE(cut(trace_of({"Q", "\n<think>We", " add both.", " Good, we have it.</think>7", " apples"}, 1)),
             (Pieces{"p:Q", "t:\n<think>We add both.", "t: Good, we have it.</think>7", "a: apples"}));
    // Tokens of no text.
    QCOMPARE(
        cut(trace_of({"", "Q", "", "<think>", "We add both.", "", " They make seven.", "</think>", "", "7", ""}, 2)),
        (Pieces{"p:Q", "t:<think>We add both.", "t: They make seven.</think>", "a:7"}));
  }

  void nothing() {
    Trace empty;
    empty.token_offsets = {0};
    QVERIFY(split_steps(empty).empty());
    QCOMPARE(cut(trace_of({"a", "b"}, 5)), Pieces{"p:ab"});
  }

  // Token by token: always a partition, and a finished long sentence keeps its place.
  void while_it_is_written() {
    const std::string generated =
        "<think>First we add the two. Then 3.5 is what we have. Wait. That is wrong.\n\nLet us stop here</think>\n7";
    const Trace whole = bytes_of("Q?\n", generated);
    Trace part = bytes_of("Q?\n", "");
    for (size_t i = 0; i < generated.size(); ++i) {
      part.tokens.push_back(0);
      part.text += generated[i];
      part.token_offsets.push_back(static_cast<uint32_t>(part.text.size()));
      const Pieces pieces = cut(part);
      QVERIFY(pieces[0] == "p:Q?\n");
      if (i + 1 >= 45) QCOMPARE(pieces[1], std::string("t:<think>First we add the two."));
    }
    QCOMPARE(cut(part), cut(whole));
  }

  void answers() {
    const auto answer = [](const std::string& generated) {
      Trace trace = bytes_of("Q?", generated);
      trace.steps = split_steps(trace);
      return answer_of(trace);
    };
    QCOMPARE(answer("<think>We add both.</think>\n\n 7 apples.\n<|endoftext|>"), std::string("7 apples."));
    QCOMPARE(answer("<think>\n</think>\n\n7</s>\n"), std::string("7"));
    QCOMPARE(answer("7"), std::string("7"));
    QCOMPARE(answer("Close it with </think> then."), std::string("Close it with </think> then."));
    QCOMPARE(answer("<think>Never closed."), std::string());
  }

  void nats_of_a_step() {
    Trace trace = trace_of({"a", "b", "c"}, 1);
    trace.logprob = {std::numeric_limits<float>::quiet_NaN(), -0.5f, -1.25f};
    QCOMPARE(trace.nats({0, 3, StepKind::prompt, "", ""}), 1.75);
    QCOMPARE(trace.nats({0, 1, StepKind::prompt, "", ""}), 0.0);
    QVERIFY_EXCEPTION_THROWN(step_kind("musing"), std::exception);
    QCOMPARE(step_kind(name_of(StepKind::answer)), StepKind::answer);
  }

  // Thought Anchors' published cuts: ours are the same sentences wherever theirs are whole (they drop unterminated ends
  // and trim), in nearly all places.
  void published_cuts() {
    namespace fs = std::filesystem;
    const fs::path shared = fs::path(STEMMA_SHARED_DATA) / "09_reasoning/thought_anchors";
    if (!fs::exists(shared)) QSKIP("the shared reference data is not on this machine");
    const auto words = [](const std::string& text) { return QString::fromStdString(text).simplified(); };
    int found = 0, total = 0, traces = 0;
    for (const auto& entry : fs::recursive_directory_iterator(shared)) {
      if (entry.path().filename() != "chunks_labeled.json" ||
          !fs::exists(entry.path().parent_path() / "base_solution.json"))
        continue;
      const nlohmann::json base = test::json_in(entry.path().parent_path() / "base_solution.json"),
                           chunks = test::json_in(entry.path());
      if (!base.contains("prompt") || !base.contains("solution")) continue;
      std::string prompt = base["prompt"];
      if (prompt.find("<think>") == std::string::npos) prompt += "<think>\n";
      Trace trace = bytes_of(prompt, base["solution"]);
      trace.steps = split_steps(trace);
      std::multiset<QString> ours;
      for (const Step& step : trace.steps) ours.insert(words(trace.step_text(step)).remove("</think>").simplified());
      ++traces;
      for (const auto& chunk : chunks) {
        ++total;
        const auto place = ours.find(words(chunk["chunk"].get<std::string>()));
        if (place == ours.end()) continue;
        ours.erase(place);
        ++found;
      }
    }
    qInfo("%d of %d published sentences in %d traces are our steps", found, total, traces);
    QVERIFY(traces > 20);
    QVERIFY(found > 0.95 * total);
  }
};

QTEST_GUILESS_MAIN(StepsTest)
#include "steps_test.moc"

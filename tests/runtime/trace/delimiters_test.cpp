// Which marks of a thought a model goes by, with the traps of each family.
#include "runtime/trace/delimiters.h"

#include <QtTest>
#include <filesystem>
#include <fstream>
#include <set>

#include "runtime/trace/steps.h"
#include "tests/support/json.h"
#include "tests/support/tiny_model.h"

using namespace stemma;

namespace {

const std::filesystem::path shared = std::filesystem::path(STEMMA_SHARED_DATA) / "08_chat_templates";

// The tiny tokenizer with further tokens.
Tokenizer tokenizer_with(const std::vector<std::string>& tokens) {
  auto json = test::json_of(test::tiny_tokenizer_json());
  int id = test::tiny_vocabulary;
  for (const std::string& token : tokens)
    json["added_tokens"].push_back({{"id", id++}, {"content", token}, {"special", true}});
  return Tokenizer(json.dump(), test::tiny_tokenizer_config(), "tokenizer.json");
}

ChatTemplate chat_of(const std::string& text) { return {text, "template", nlohmann::ordered_json::object(), "", {}}; }

std::string start_of(const Delimiters& found) { return found.row ? std::string(found.row->start) : "none"; }

std::string split(const std::string& prompt, const std::string& generated, const std::string& start = "") {
  Trace trace;
  trace.thought_start = start;
  trace.token_offsets = {0};
  for (const char c : prompt + generated) {
    trace.tokens.push_back(0);
    trace.text += c;
    trace.token_offsets.push_back(static_cast<uint32_t>(trace.text.size()));
  }
  trace.prompt_tokens = static_cast<int32_t>(prompt.size());
  trace.steps = split_steps(trace);
  std::string thought;
  for (const Step& step : trace.steps)
    if (step.kind == StepKind::thought) thought += trace.step_text(step);
  return thought + " => " + answer_of(trace);
}

}  // namespace

class DelimitersTest : public QObject {
  Q_OBJECT
 private slots:
  void where_they_are_found() {
    const Tokenizer plain = tokenizer_with({}), tagged = tokenizer_with({"<think>", "</think>"});
    const Tokenizer harmony = tokenizer_with({"<|channel|>", "<|message|>", "<|end|>"}),
                    magistral = tokenizer_with({"[THINK]", "[/THINK]"});
    QCOMPARE(start_of(delimiters_of(plain, nullptr, "LlamaForCausalLM")), std::string("none"));
    QCOMPARE(start_of(delimiters_of(tagged, nullptr, "")), std::string("<think>"));
    QVERIFY(delimiters_of(tagged, nullptr, "").found_in == "special tokens");
    QCOMPARE(start_of(delimiters_of(harmony, nullptr, "")), std::string("<|channel|>analysis<|message|>"));
    QCOMPARE(start_of(delimiters_of(magistral, nullptr, "")), std::string("[THINK]"));
    const Tokenizer chatml = tokenizer_with({"<|im_start|>", "<|im_end|>"});  // SmolLM2, Qwen2.5: no thought
    QCOMPARE(start_of(delimiters_of(chatml, nullptr, "LlamaForCausalLM")), std::string("none"));
    const Delimiters olmo = delimiters_of(plain, nullptr, "Olmo3ForCausalLM");
    QVERIFY(olmo.found_in == "architecture" && olmo.ordinary_pieces);
    QCOMPARE(start_of(delimiters_of(plain, nullptr, "gpt_oss")), std::string("<|channel|>analysis<|message|>"));
    QVERIFY(!delimiters_of(tagged, nullptr, "olmo3").ordinary_pieces);
    const ChatTemplate closes = chat_of("{{ messages[0].content.split('</think>')[-1] }}");
    QVERIFY(delimiters_of(plain, &closes, "").found_in == "chat template");
    const ChatTemplate phi3 =
        chat_of("<|user|>{{ messages[0].content }}<|end|>");  // an end of gpt-oss's, and no thought
    QCOMPARE(start_of(delimiters_of(plain, &phi3, "")), std::string("none"));
  }

  void prompts_that_open_a_thought() {
    const Tokenizer tokenizer = tokenizer_with({});
    const ChatTemplate opens = chat_of("{{ messages[0].content }}{% if add_generation_prompt %}A<think>\n{% endif %}");
    const ChatTemplate off = chat_of(
        "{{ messages[0].content }}{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% "
        "endif %}");
    QVERIFY(delimiters_of(tokenizer, &opens, "").prompt_opens);
    QVERIFY(!delimiters_of(tokenizer, &opens, "").can_be_off);
    QVERIFY(!delimiters_of(tokenizer, &off, "").prompt_opens);
    QVERIFY(delimiters_of(tokenizer, &off, "").can_be_off);
    QCOMPARE(empty_thought_after("Q A<think>\n", delimiters_of(tokenizer, &opens, "")), std::string("\n</think>\n\n"));
    QCOMPARE(empty_thought_after("Q A", delimiters_of(tokenizer, &opens, "")), std::string("<think>\n\n</think>\n\n"));
    QCOMPARE(empty_thought_after("Q A</think>", delimiters_of(tokenizer, &opens, "")), std::string());
    const Delimiters harmony = delimiters_of(tokenizer, nullptr, "gpt_oss");
    QCOMPARE(empty_thought_after("Q<|start|>assistant", harmony),
             std::string("<|channel|>analysis<|message|><|end|><|start|>assistant<|channel|>final<|message|>"));
  }

  // Kimi-K3 puts its tags together of parts; Granite 3.2 and Apriel have plain words for tags.
  void prompts_that_show_what_the_template_hides() {
    const Tokenizer tokenizer = tokenizer_with({});
    const ChatTemplate parts = chat_of(
        "{%- macro tag(t) %}{{ '<|open|>' + t + '<|sep|>' }}{% endmacro -%}{{ messages[0].content }}{{ tag('think') "
        "}}");
    QCOMPARE(start_of(delimiters_of(tokenizer, &parts, "")), std::string("<|open|>think<|sep|>"));
    QVERIFY(delimiters_of(tokenizer, &parts, "").prompt_opens);
    const ChatTemplate closed = chat_of("{{ messages[0].content }}{{ '</' + 'seed:think>' }}");
    QCOMPARE(start_of(delimiters_of(tokenizer, &closed, "")), std::string("<seed:think>"));
    const ChatTemplate apriel = chat_of("{{ messages[0].content }}\nHere are my reasoning steps:\n");
    QCOMPARE(start_of(delimiters_of(tokenizer, &apriel, "")), std::string("Here are my reasoning steps:"));
    QVERIFY(delimiters_of(tokenizer, &apriel, "").prompt_opens);
  }

  void switches() {
    QCOMPARE(thought_switched_off(chat_of("{{ messages }}")).dump(), std::string("{}"));
    QCOMPARE(thought_switched_off(chat_of("{% if not thinking %}a{% endif %}")).dump(),
             std::string("{\"thinking\":false}"));
    QCOMPARE(thought_switched_off(chat_of("{{ skip_thinking or reasoning }}")).dump(),
             std::string("{\"reasoning\":false,\"skip_thinking\":true}"));
  }

  void real_templates() {
    if (!exists(shared)) QSKIP("the shared reference data is not on this machine");
    const Tokenizer tokenizer = tokenizer_with({});
    const auto read = [](const std::string& name) {
      std::ifstream file(shared / name);
      return chat_of(std::string((std::istreambuf_iterator<char>(file)), {}));
    };
    const auto start = [&](const std::string& name) {
      const ChatTemplate chat = read(name);
      return start_of(delimiters_of(tokenizer, &chat, ""));
    };
    QCOMPARE(start("llamacpp/templates/deepseek-ai-DeepSeek-R1-Distill-Llama-8B.jinja"), std::string("<think>"));
    QCOMPARE(start("llamacpp/templates/CohereForAI-c4ai-command-r7b-12-2024-tool_use.jinja"),
             std::string("<|START_THINKING|>"));
    QCOMPARE(start("llamacpp/templates/google-gemma-2-2b-it.jinja"), std::string("none"));
    QCOMPARE(start("llamacpp/templates/microsoft-Phi-3.5-mini-instruct.jinja"), std::string("none"));
    QCOMPARE(start("llamacpp/templates/Qwen-Qwen2.5-7B-Instruct.jinja"), std::string("none"));
  }

  void thoughts_and_answers() {
    // R1: the prompt opened the thought.
    QCOMPARE(split("Q<\uff5cAssistant\uff5c><think>\n", "We add.</think>\n\n7<\uff5cend\u2581of\u2581sentence\uff5c>"),
             std::string("We add.</think> => 7"));
    // Qwen3 with enable_thinking=false: the prompt closed it, too.
    QCOMPARE(split("Q<|im_start|>assistant\n<think>\n\n</think>\n\n", "7<|im_end|>"), std::string(" => 7"));
    // gpt-oss: channels, the last of which is the answer.
    QCOMPARE(
        split("Q<|start|>assistant",
              "<|channel|>analysis<|message|>We add.<|end|><|start|>assistant<|channel|>final<|message|>7<|return|>"),
        std::string("<|channel|>analysis<|message|>We add.<|end|> => 7"));
    QCOMPARE(
        split("Q<|start|>assistant",
              "<|channel|>analysis<|message|>One.<|end|><|start|>assistant<|channel|>analysis<|message|>Two.<|end|>"
              "<|start|>assistant<|channel|>final<|message|>7<|return|>"),
        std::string("<|channel|>analysis<|message|>One.<|end|><|start|>assistant<|channel|>analysis<|message|>Two.<|"
                    "end|> => 7"));
    QCOMPARE(split("Q<|start|>assistant", "<|channel|>analysis<|message|>One."),
             std::string("<|channel|>analysis<|message|>One. => "));
    QCOMPARE(split("Q", "<|START_THINKING|>We add.<|END_THINKING|>7<|END_OF_TURN_TOKEN|>"),
             std::string("<|START_THINKING|>We add.<|END_THINKING|> => 7"));
    QCOMPARE(split("Q", "<|START_THINKING|>We add.<|END_THINKING|><|START_RESPONSE|>7<|END_RESPONSE|>"),
             std::string("<|START_THINKING|>We add.<|END_THINKING|> => 7"));
    QCOMPARE(split("Q<|open|>think<|sep|>",
                   "We add.<|close|>think<|sep|><|open|>response<|sep|>7<|close|>response<|sep|><|close|>message<|sep|>"
                   "<|end_of_msg|>"),
             std::string("We add.<|close|>think<|sep|> => 7"));
    QCOMPARE(
        split("Q<|im_start|>assistant/think\n", "We add.<|im_end|>\n<|im_start|>assistant\n7<|im_end|><|endofturn|>"),
        std::string("We add.<|im_end|> => 7"));
    QCOMPARE(split("Q<|begin|>assistant", "<|think|>We add.<|end|><|begin|>assistant<|content|>7<|flush|>"),
             std::string("<|think|>We add.<|end|> => 7"));
    QCOMPARE(split("Q", "<think>We add.</think>\n<answer>\n7\n</answer>"), std::string("<think>We add.</think> => 7"));
  }

  // A model's own tags alone are looked for; where they are not known, all of the table's.
  void tags_of_other_models_are_words() {
    const std::string text = "[THINK] is Magistral's tag, <think>is it?</think>7";
    QCOMPARE(split("Q", text, "<think>"), std::string("<think>is it?</think> => [THINK] is Magistral's tag, 7"));
    QCOMPARE(split("Q", text), text + " => ");
    QCOMPARE(split("Q", "I quote <think>ing</think> aloud.", "[THINK]"),
             std::string(" => I quote <think>ing</think> aloud."));
    QCOMPARE(split("Q [THINK]", "We add.[/THINK]7", "[THINK]"), std::string("We add.[/THINK] => 7"));
    QCOMPARE(split("Q", "<think>We add.</think>7", "<a tag of no row>"), std::string("<think>We add.</think> => 7"));
    const std::string words = "Here is my thought process: we add. Here is my response: 7";
    QCOMPARE(split("Q", words), " => " + words);
    QCOMPARE(split("Q", words, "Here is my thought process:"),
             std::string("Here is my thought process: we add. Here is my response: => 7"));
  }

  void rows() {
    std::set<std::string_view> starts;
    for (const ThoughtDelimiters& row : thought_delimiters()) {
      QVERIFY(!row.start.empty() && !row.end.empty() && !row.models.empty());
      QVERIFY(starts.insert(row.start).second);
    }
  }
};

QTEST_GUILESS_MAIN(DelimitersTest)
#include "delimiters_test.moc"

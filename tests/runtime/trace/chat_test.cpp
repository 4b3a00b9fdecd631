// Generation through a chat template: what the model is given, and what the trace keeps of it.
#include <QtTest>

#include "runtime/error.h"
#include "runtime/model/chat_template.h"
#include "runtime/trace/generate.h"
#include "tests/support/tiny_model.h"

using namespace stemma;

namespace {

// Tokens of the tiny vocabulary: letters a to p, the space, the full stop.
std::shared_ptr<Model> chat_model(const std::string& text) {
  const auto model = test::random_model(test::tiny_config(1, true), 5);
  if (!text.empty())
    model->chat = std::make_shared<const ChatTemplate>(
        ChatTemplate{text, "chat_template.jinja", {{"bos_token", "<s>"}, {"eos_token", "</s>"}}, "", {}});
  return model;
}

constexpr const char* plain =
    "{{ bos_token }}{% for m in messages %}{{ 'h' if m.role == 'system' }}{{ m.content }}{{ eos_token }}{% endfor %}a";

std::string refusal(const Model& model, const GenerateRequest& request) {
  try {
    prompt_text(model, request);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

class ChatTest : public QObject {
  Q_OBJECT
 private slots:
  void rendered_prompts() {
    GenerateRequest request;
    request.prompt = "bad cab";
    request.system = "deal";
    std::string text;
    const auto model = chat_model(plain);
    const auto ids = prompt_tokens(*model, request, &text);
    QCOMPARE(text, std::string("<s>hdeal</s>bad cab</s>a"));
    QCOMPARE(ids, model->tokenizer->encode(text));
    QCOMPARE(ids[0], 18);  // bos once, written by the template
    QVERIFY(ids[1] != 18);
    request.system.clear();
    QCOMPARE(prompt_text(*model, request), std::string("<s>bad cab</s>a"));
  }

  void traces() {
    GenerateRequest request;
    request.prompt = "bad cab";
    request.system = "deal";
    request.sampler.max_tokens = 4;
    const Trace trace = generate(*chat_model(plain), request, {}, {});
    QCOMPARE(trace.prompt, request.prompt);
    QCOMPARE(trace.system, request.system);
    QVERIFY2(trace.text.starts_with("<s>hdeal</s>bad cab</s>a"), trace.text.c_str());
    QCOMPARE(trace.token_text(0), std::string("<s>"));
    QCOMPARE(trace.text.substr(0, trace.token_offsets[static_cast<size_t>(trace.prompt_tokens)]),
             std::string("<s>hdeal</s>bad cab</s>a"));
    for (int32_t i = 0; i < trace.size(); ++i)
      QCOMPARE(trace.token_text(i), chat_model("")->tokenizer->bytes(trace.tokens[static_cast<size_t>(i)]));
    QCOMPARE(trace.steps[0].end, trace.prompt_tokens);
  }

  void stops_at_every_end_of_its_configs() {
    GenerateRequest request;
    request.prompt = "bad cab";
    request.sampler.max_tokens = 4;
    const auto model = chat_model(plain);
    const Trace whole = generate(*model, request, {}, {});
    QCOMPARE(whole.stop_reason, std::string("max tokens"));
    model->config.ends = {3, whole.tokens[static_cast<size_t>(whole.prompt_tokens)]};
    const Trace cut = generate(*model, request, {}, {});
    QCOMPARE(cut.stop_reason, std::string("end of text"));
    QCOMPARE(cut.size(), whole.prompt_tokens);  // the mark itself is no part of the text
  }

  void stops_where_the_context_is_full() {
    GenerateRequest request;
    request.prompt = "bad cab";
    request.sampler.max_tokens = 100000;
    const auto model = chat_model("");
    model->config.eos = -1;
    const Trace trace = generate(*model, request, {}, {});
    QCOMPARE(trace.stop_reason, std::string("context full"));
    QCOMPARE(trace.size(), model->config.context);
  }

  void without_a_thought() {
    GenerateRequest request;
    request.prompt = "cab";
    request.think = false;
    const char* thinks =
        "{{ messages[0].content }}{% if enable_thinking is defined and not enable_thinking %} no{% endif %}";
    QCOMPARE(prompt_text(*chat_model(thinks), request), std::string("cab no"));
    QCOMPARE(prompt_text(*chat_model("{{ messages[0].content }} a"), request),
             std::string("cab a<think>\n\n</think>\n\n"));
    QCOMPARE(prompt_text(*chat_model("{{ messages[0].content }}{{ '<think>\\n' }}"), request),
             std::string("cab<think>\n\n</think>\n\n"));
    QCOMPARE(prompt_text(*chat_model(""), request), std::string("cab\n<think></think>"));  // a base model
    request.think = true;
    QCOMPARE(prompt_text(*chat_model(thinks), request), std::string("cab"));
  }

  void refusals() {
    GenerateRequest request;
    request.prompt = "cab";
    request.system = "be brief";
    QVERIFY2(refusal(*chat_model(""), request).find("no place for --system") != std::string::npos,
             refusal(*chat_model(""), request).c_str());
    QCOMPARE(
        refusal(*chat_model("{{ raise_exception('System role not supported') if messages[0].role == 'system' }}"),
                request),
        std::string("chat_template.jinja:1: the chat template refuses this conversation: System role not supported"));
    QVERIFY(refusal(*chat_model("{% for %}"), request).find("not a chat template") != std::string::npos);
    request.prompt = " ";
    QVERIFY(refusal(*chat_model(plain), request).find("empty") != std::string::npos);
  }
};

QTEST_GUILESS_MAIN(ChatTest)
#include "chat_test.moc"

// Where folders keep their chat templates, and what is rendered by them.
#include "runtime/model/chat_template.h"

#include <QtTest>

#include "runtime/error.h"

using namespace stemma;

namespace {

ChatRequest hello() {
  ChatRequest request;
  request.add("user", "Hello");
  return request;
}

std::string message_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

constexpr const char* shows = "{{ bos_token }}|{{ messages[0].content }}|{{ eos_token }}";

}  // namespace

class ChatTemplateTest : public QObject {
  Q_OBJECT
 private slots:
  void places() {
    const std::string config =
        R"({"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}, "chat_template": "config"})";
    const std::string json = R"({"chat_template": "json"})";
    const auto text = [](const ChatTemplateFiles& files) {
      const auto chat = parse_chat_template(files, "model");
      return chat ? chat->text + " of " + chat->source : std::string("none");
    };
    QCOMPARE(text({"jinja", config, "", json}), std::string("jinja of model/chat_template.jinja"));
    QCOMPARE(text({"", config, "", json}), std::string("config of model/tokenizer_config.json"));
    QCOMPARE(text({"", R"({"chat_template": null})", "", json}), std::string("json of model/chat_template.json"));
    QCOMPARE(text({"", R"({"bos_token": "<s>"})", "", ""}), std::string("none"));
    QCOMPARE(text({"", R"({"chat_template": []})", "", ""}), std::string("none"));
    QCOMPARE(text({"", "", "", ""}), std::string("none"));
  }

  void in_a_folder() {
    const QTemporaryDir folder;
    QVERIFY(!find_chat_template(folder.path().toStdString()));
    QFile file(folder.filePath("chat_template.jinja"));
    QVERIFY(file.open(QIODevice::WriteOnly) && file.write(shows) > 0);
    file.close();
    const auto chat = find_chat_template(folder.path().toStdString());
    QVERIFY(chat.has_value());
    QCOMPARE(chat->render(hello()), std::string("|Hello|"));
  }

  void special_tokens() {
    const auto chat = parse_chat_template({shows, R"({"bos_token": {"content": "<s>"}, "unk_token": null})",
                                           R"({"eos_token": "</s>", "bos_token": "other"})", ""},
                                          "model");
    QCOMPARE(chat->render(hello()), std::string("<s>|Hello|</s>"));
  }

  void named_templates() {
    const auto chat = parse_chat_template(
        {"",
         R"({"chat_template": [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "{{ tools | length }} tools"},
                                   {"name": "rag", "template": "documents"}]})",
         "", ""},
        "model");
    QCOMPARE(chat->others, (std::vector<std::string>{"tool_use", "rag"}));
    ChatRequest request = hello();
    QCOMPARE(chat->render(request), std::string("plain"));
    request.tools = {{{"name", "f"}}};
    QCOMPARE(chat->render(request), std::string("1 tools"));
    const auto nameless =
        parse_chat_template({"", R"({"chat_template": [{"name": "rag", "template": "x"}]})", "", ""}, "model");
    QCOMPARE(message_of([&] { nameless->render(hello()); }),
             std::string("model/tokenizer_config.json: has chat templates named rag but none named default"));
  }

  void variables() {
    const ChatTemplate chat{
        "{{ enable_thinking is defined }}{{ add_generation_prompt }}{{ tools is none }}{{ x }}", "t", {}, "", {}};
    QVERIFY(chat.reads("enable_thinking"));
    QVERIFY(!chat.reads("thinking"));
    ChatRequest request = hello();
    QCOMPARE(chat.render(request), std::string("FalseTrueTrue"));
    request.variables = {{"enable_thinking", false}, {"x", 3}};
    request.add_generation_prompt = false;
    request.tools = nlohmann::ordered_json::array();
    QCOMPARE(chat.render(request), std::string("TrueFalseFalse3"));
  }

  void broken() {
    const auto parse = [](const char* config) {
      return message_of([&] { parse_chat_template({"", config, "", ""}, "model"); });
    };
    QVERIFY(parse(R"({"chat_template": 3})").starts_with("model/tokenizer_config.json: chat_template is neither"));
    QVERIFY(parse(R"({"chat_template": [3]})").find("without a name") != std::string::npos);
    QVERIFY(parse(R"({"chat_template": [{"name": "default", "template": 5}]})").find("'default' is not a text") !=
            std::string::npos);
    QVERIFY(parse("{").starts_with("model/tokenizer_config.json: not valid JSON"));
    const auto chat = parse_chat_template({"{% if %}", "", "", ""}, "model");
    QVERIFY(message_of([&] { chat->check(); }).starts_with("model/chat_template.jinja:1: not a chat template: "));
    QVERIFY(!chat->reads("messages"));
  }
};

QTEST_GUILESS_MAIN(ChatTemplateTest)
#include "chat_template_test.moc"

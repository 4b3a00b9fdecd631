// Templates held against Jinja2: a thousand small ones recorded by tests/golden/templates/make_templates.py, and the
// chat templates of the shared data.
#include "runtime/template/template.h"

#include <QtTest>
#include <filesystem>
#include <fstream>

#include "tests/runtime/template/renderings.h"
#include "tests/support/json.h"

using namespace stemma;
using namespace stemma::test;

namespace {

const std::filesystem::path shared = std::filesystem::path(STEMMA_SHARED_DATA) / "08_chat_templates";

void hold_python(Tally& tally, const std::string& name, const nlohmann::ordered_json& one, const char* expected,
                 const Outcome& found) {
  const bool agrees = one.at("agrees_with_python_jinja2").get<bool>();
  if (agrees) return tally.hold(name, found, false, one.at(expected));
  const auto& python = one.at("python_jinja2");
  tally.hold(name, found, python.contains("error"), python.value("output", ""));
}

}  // namespace

class TemplateTest : public QObject {
  Q_OBJECT
 private slots:
  void small_templates() {
    const auto golden = ordered_json_in(STEMMA_SOURCE_DIR "/tests/golden/templates/templates.json");
    Tally tally;
    for (const auto& one : golden.at("cases")) {
      const std::string text = one.at("template");
      tally.hold(text, rendered(text, golden.at("context")), one.contains("error"), one.value("expected", ""));
    }
    qInfo("tests/golden/templates: %d of %d", tally.right, tally.total);
    QVERIFY(tally.total > 900);
    QCOMPARE(tally.right, tally.total);
  }

  void hugging_face_units() {
    if (!exists(shared)) QSKIP("the shared reference data is not on this machine");
    Tally tally;
    const auto file = ordered_json_in(shared / "hf_jinja/unit_templates.json");
    for (const auto& [name, one] : file.items())
      hold_python(tally, name, one, "expected", rendered(one.at("template"), one.at("context")));
    qInfo("hf_jinja/unit_templates.json: %d of %d", tally.right, tally.total);
    QVERIFY(tally.total > 100);
    QCOMPARE(tally.right, tally.total);
  }

  void hugging_face_models() {
    if (!exists(shared)) QSKIP("the shared reference data is not on this machine");
    Tally tally;
    const auto file = ordered_json_in(shared / "hf_jinja/e2e_render.json");
    for (const char* group : {"default", "custom"})
      for (const auto& [name, one] : file.at(group).items())
        hold_python(tally, name, one, "target", rendered(one.at("chat_template"), one.at("data")));
    qInfo("hf_jinja/e2e_render.json: %d of %d", tally.right, tally.total);
    QVERIFY(tally.total > 40);
    QCOMPARE(tally.right, tally.total);
  }

  void llama_cpp_cases() {
    if (!exists(shared)) QSKIP("the shared reference data is not on this machine");
    Tally tally;
    const auto file = ordered_json_in(shared / "llamacpp/test_chat_template_cases.json");
    for (const auto& one : file.at("cases")) {
      const nlohmann::ordered_json variables{{"messages", file.at("conversation")},
                                             {"add_generation_prompt", file.at("add_generation_prompt")},
                                             {"bos_token", one.value("bos_token", "")},
                                             {"eos_token", one.value("eos_token", "")}};
      const char* expected =
          one.value("expected_output_jinja", "").empty() ? "expected_output" : "expected_output_jinja";
      hold_python(tally, one.at("name"), one, expected, rendered(one.at("template_str"), variables));
    }
    qInfo("llamacpp/test_chat_template_cases.json: %d of %d", tally.right, tally.total);
    QVERIFY(tally.total > 20);
    QCOMPARE(tally.right, tally.total);
  }

  void llama_cpp_templates() {
    if (!exists(shared)) QSKIP("the shared reference data is not on this machine");
    Tally tally;
    const auto all = ordered_json_in(shared / "derived/llamacpp_templates_x_minja_contexts_python_jinja2.json");
    for (const auto& [name, contexts] : all.items()) {
      std::ifstream file(shared / "llamacpp/templates" / name);
      const std::string text((std::istreambuf_iterator<char>(file)), {});
      for (const auto& [context, python] : contexts.items())
        tally.hold(name + " x " + context, rendered(text, ordered_json_in(shared / (context + ".json"))),
                   python.contains("error"), python.value("output", ""));
    }
    qInfo("derived/llamacpp_templates_x_minja_contexts: %d of %d", tally.right, tally.total);
    QVERIFY(tally.total > 40);
    QCOMPARE(tally.right, tally.total);
  }
};

QTEST_GUILESS_MAIN(TemplateTest)
#include "template_test.moc"

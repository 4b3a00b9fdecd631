// Hostile templates end with one sentence, soon, and leave nothing behind.
#include <QtTest>

#include "tests/runtime/template/renderings.h"
#include "tests/support/sanitized.h"

using namespace stemma;
using namespace stemma::test;

class LimitsTest : public QObject {
  Q_OBJECT
 private slots:
  void hostile_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* name, const char* text, const char* says) { QTest::newRow(name) << text << says; };
    const char* loops = "it seems to loop for ever";
    const char* large = "would need more than";
    const char* deep = "calls itself again and again";
    row("nested loops", "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", loops);
    row("a long range", "{{ range(10 ** 12) | list }}", "at most 100000 items");
    row("a gigabyte by *", "{{ 'a' * 1000000000 }}", large);
    row("a list by *", "{{ [1] * 100000000 }}", large);
    row("a gigabyte by doubling",
        "{% set ns = namespace(x='0123456789') %}{% for i in range(40) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        large);
    row("a list by doubling",
        "{% set ns = namespace(x=[1]) %}{% for i in range(40) %}{% set ns.x = ns.x + ns.x %}{% endfor %}", large);
    row("a gigabyte of output", "{% set a = 'a' * 10000000 %}{% for i in range(1000) %}{{ a }}{% endfor %}", large);
    row("a gigabyte by replace", "{{ ('a' * 1000000) | replace('a', 'b' * 1000) }}", large);
    row("a gigabyte by center", "{{ 'a' | center(1000000000) }}", large);
    row("a gigabyte by format", "{{ '%1000000000d' % 1 }}", large);
    row("a gigabyte by braces", "{{ '{:1000000000}'.format(1) }}", large);
    row("a gigabyte by indent", "{{ ('a\n' * 1000000) | indent(1000) }}", large);
    row("a gigabyte by join", "{{ ('a' * 1000000).join(['b'] * 1000) }}", large);
    row("a gigabyte by tojson", "{{ [1] | tojson(indent=1000000000) }}", large);
    row("a gigabyte by tabs", "{{ ('\t' * 1000).expandtabs(1000000) }}", large);
    row("a gigabyte by batch", "{{ [1] | batch(1000000000, 0) | list }}", large);
    row("a gigabyte by slice", "{{ [1] | slice(1000000000) | list }}", large);
    row("a gigabyte by zfill", "{{ '1'.zfill(1000000000) }}", large);
    row("a macro in itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", deep);
    row("two macros in each other",
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}", deep);
    row("a loop in itself", "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", deep);
    row("callers in callers", "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}", deep);
    row("an integer without end", "{{ 9 ** (9 ** 9) }}", "more than 65536 bits");
    row("an integer by squaring",
        "{% set ns = namespace(x=3) %}{% for i in range(40) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
        "more than 65536 bits");
    row("digits again and again", "{% for i in range(100000) %}{{ (3 ** 9000) | string | length }}{% endfor %}", loops);
    row("a hash of shared tuples",
        "{% set ns = namespace(t=(1,)) %}{% for i in range(60) %}{% set ns.t = (ns.t, ns.t) %}{% endfor %}{{ {ns.t: 1} "
        "}}",
        loops);
    row("a block in itself", "{% block a %}{{ self.a() }}{% endblock %}", deep);
    row("letters told one by one", "{% for i in range(100000) %}{{ ('a' * 1000000) | upper | length }}{% endfor %}",
        loops);
    row("white space", "{% for i in range(100000) %}{{ (' ' * 1000000) | trim | length }}{% endfor %}", loops);
    row("a gigabyte by urlencode", "{{ ('&' * 20000000) | urlencode }}", large);
    row("a namespace's secret", "{% set ns = namespace(_a=1) %}{{ ns._a }}", "begins with '_'");
    row("a required block", "{% block a required %}{% endblock %}", "is not filled");
    row("a namespace in itself, printed", "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}", "nested too deep");
    row("lists in lists",
        "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}",
        "more than 400 deep");
    row("generators in generators",
        "{% set ns = namespace(x=[1]) %}{% for i in range(100000) %}{% set ns.x = ns.x | map('string') %}{% endfor %}",
        "more than 400 deep");
    row("another file", "{% include '/etc/passwd' %}", "stands alone");
    row("classes", "{{ ''.__class__.__mro__[1].__subclasses__() }}", "unsafe");
    row("globals of a function", "{{ range.__globals__['os'] }}", "unsafe");
    row("globals by format", "{{ '{0.__globals__}'.format(range) | length }}{{ '{0.__class__.__mro__}'.format(1) }}",
        "unsafe");
    row("links", "{{ 'http://a.b' | urlize }}", "by urlize, which is not supported here");
    row("chance", "{{ lipsum() }}", "drawn by chance; it is not supported here");
    row("escaping all", "{% autoescape true %}{{ messages }}{% endautoescape %}",
        "{% autoescape true %} is not supported here");
    row("changing what is given", "{{ messages.append(1) }}", "unsafe");
  }
  void hostile() {
    QFETCH(QString, text);
    QFETCH(QString, says);
    QElapsedTimer clock;
    clock.start();
    TemplateLimits limits;
    limits.bytes /= 4;  // the sanitizers are slow
    if (says.contains("for ever")) limits.steps /= sanitized ? 40 : 10;
    const Outcome found = rendered(text.toStdString(), {{"messages", nlohmann::ordered_json::array()}}, limits);
    QVERIFY2(found.failed, found.text.substr(0, 100).c_str());
    QVERIFY2(QString::fromStdString(found.text).contains(says), found.text.c_str());
    QVERIFY2(found.text.starts_with("template:1: "), found.text.c_str());
    QCOMPARE(QString::fromStdString(found.text).count('\n'), 0);
    QVERIFY2(clock.elapsed() < 20'000, qPrintable(QString::number(clock.elapsed())));
  }

  void deep_syntax() {
    for (const auto& [open, close] : std::vector<std::pair<std::string, std::string>>{{"(", ")"},
                                                                                      {"[", "]"},
                                                                                      {"{1:", "}"},
                                                                                      {"not ", ""},
                                                                                      {"-", ""},
                                                                                      {"a(", ")"},
                                                                                      {"a[", "]"},
                                                                                      {"a|d(", ")"},
                                                                                      {"1 + ", ""},
                                                                                      {"1 if ", ""},
                                                                                      {"1 ~ ", ""},
                                                                                      {"1 and ", ""},
                                                                                      {"2 ** ", ""}}) {
      std::string text = "{{ ";
      for (int i = 0; i < 20000; ++i) text += open;
      text += "1";
      for (int i = 0; i < 20000; ++i) text += close;
      const Outcome found = rendered(text + " }}", nlohmann::ordered_json::object());
      if (open == "1 ~ ") {
        QVERIFY(!found.failed);  // one level, however long
        continue;
      }
      QVERIFY2(found.failed && found.text.find("deep") != std::string::npos,
               (open + found.text.substr(0, 200)).c_str());
    }
    std::string blocks;
    for (int i = 0; i < 20000; ++i) blocks += "{% if 1 %}";
    const Outcome found = rendered(blocks, nlohmann::ordered_json::object());
    QVERIFY2(found.failed && found.text.find("deep") != std::string::npos, found.text.c_str());
    std::string filters = "{{ 1";
    for (int i = 0; i < 20000; ++i) filters += "|string";
    QVERIFY(rendered(filters + " }}", nlohmann::ordered_json::object()).failed);
  }

  // Ends of words are told from the letters beside them alone, parts of a text from its end by one pass.
  void long_texts_in_one_pass() {
    for (const char* text : {"{{ ('Σ' * 200000) | lower | length }}", "{{ ('a ' * 100000).rsplit() | length * 2 }}",
                             "{% set ns = namespace(n=200000) %}{{ ns.n }}"})
      QCOMPARE(rendered(text, nlohmann::ordered_json::object()).text, std::string("200000"));
  }

  // Namespaces that hold each other in a long chain, and in a circle, are taken apart without recursion or leak.
  void long_chains() {
    const char* text =
        "{% set ns = namespace() %}{% set ns.head = namespace() %}{% set ns.tail = ns.head %}"
        "{% for i in range(50000) %}{% set t = ns.tail %}{% set t.next = namespace(back=t) %}{% set ns.tail = t.next "
        "%}{% endfor %}"
        "{% set ns.head = none %}{% set ns.tail = none %}done";
    const Outcome found = rendered(text, nlohmann::ordered_json::object());
    QVERIFY2(!found.failed, found.text.c_str());
    QCOMPARE(found.text, std::string("done"));
  }

  void places_and_sentences() {
    const auto says = [](const char* text) {
      return QString::fromStdString(rendered(text, {{"messages", {{{"role", "user"}}}}}).text);
    };
    QCOMPARE(says("a\nb\n{{ raise_exception('System role not supported') }}"),
             QString("template:3: the chat template refuses this conversation: System role not supported"));
    QVERIFY2(says("a\n{% for m in messages %}\n{{ m.content.strip() }}{% endfor %}")
                 .startsWith("template:3: the chat template "),
             qPrintable(says("a\n{% for m in messages %}\n{{ m.content.strip() }}{% endfor %}")));
    QVERIFY(says("{% macro m() %}\n\n{{ 1 // 0 }}{% endmacro %}\n{{ m() }}").startsWith("template:3: "));
    QVERIFY(says("a\n\n{% if %}").startsWith("template:3: not a chat template: "));
    QVERIFY(says("{{ nothing + 1 }}").contains("'nothing' is undefined"));
  }

  // What a template has used is given back: the same one renders again and again.
  void again() {
    const Template one(
        "{% set ns = namespace(x='a') %}{% for i in range(22) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x | "
        "length }}",
        "template");
    for (int i = 0; i < 20; ++i) QCOMPARE(one.render(nlohmann::ordered_json::object()), std::string("4194304"));
  }
};

QTEST_GUILESS_MAIN(LimitsTest)
#include "limits_test.moc"

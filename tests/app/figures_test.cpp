// Figures of every kind in every format. Where STEMMA_TEST_PICTURES names a folder, the files are kept there.
#include <QImage>
#include <QProcess>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QXmlStreamReader>
#include <QtTest>
#include <cmath>
#include <limits>

#include "app/figures/build_figures.h"
#include "app/figures/figure.h"
#include "runtime/error.h"

using namespace stemma;

namespace {

Trace slope_trace() {
  Trace trace;
  trace.id = "t003";
  trace.title = "Find the slope of the line through (2, 3) and (6, 11).";
  trace.prompt = trace.title;
  trace.model_hash = "a1b2c3d4e5f60718";
  trace.device = "cpu";
  trace.created = "2026-01-02T03:04:05Z";
  trace.sampler.seed = 7;
  const std::vector<std::pair<std::string, StepKind>> steps = {
      {trace.prompt + "\n", StepKind::prompt},
      {"<think>The slope is the difference of y over the difference of x: 11 - 3 = 8 and 6 - 2 = 4.\n", StepKind::thought},
      {"So the slope is 8 / 4 = 2.</think>", StepKind::thought},
      {"2", StepKind::answer}};
  trace.token_offsets = {0};
  for (const auto& [text, kind] : steps) {
    const int begin = trace.size();
    for (size_t at = 0; at < text.size();) {
      size_t end = text.find(' ', at + 1);
      if (end == std::string::npos) end = text.size();
      trace.text += text.substr(at, end - at);
      trace.tokens.push_back(trace.size());
      trace.token_offsets.push_back(static_cast<uint32_t>(trace.text.size()));
      at = end;
    }
    trace.steps.push_back({begin, trace.size(), kind, "", ""});
  }
  return trace;
}

ShownDocument shown(int index, const std::string& source, const std::string& text, const std::vector<float>& totals, int layers) {
  ShownDocument document;
  document.index = index;
  document.id = "corpus.jsonl.zst:" + std::to_string(index * 311);
  document.name = "doc-" + std::to_string(index);
  document.source = source;
  document.text = text;
  document.token_offsets = {0};
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find(' ', at + 1);
    if (end == std::string::npos) end = text.size();
    document.token_offsets.push_back(static_cast<uint32_t>(end));
    at = end;
  }
  for (float total : totals) {
    float sum = 0;
    for (int t = 0; t < document.tokens(); ++t) {
      const float part = total * static_cast<float>(std::sin(t * 2.1 + index) + 0.3) / 4;
      document.token_scores.push_back(part);
      sum += part;
    }
    document.token_scores.back() += total - sum;
    document.output_scores.insert(document.output_scores.end(), document.token_scores.rbegin(),
                                  document.token_scores.rbegin() + document.tokens());
    for (int layer = 0; layer < layers; ++layer) document.layer_scores.push_back(total * static_cast<float>(layer % 2 ? 0.7 : -0.2));
  }
  return document;
}

InfluenceTable slope_table() {
  InfluenceTable table;
  table.trace_id = "t003";
  table.method = "ekfac";
  table.model_hash = "a1b2c3d4e5f60718";
  table.factors_hash = "ffeeddcc";
  table.corpus_hash = "0badc0de";
  table.device = "cpu";
  table.created = "2026-01-02T03:05:00Z";
  table.corpus_documents = 60000;
  table.steps = 2;
  table.step_index = {1, 2};
  table.nats = {3.21f, 0.02f};
  table.documents = 6;
  table.layers = 4;
  table.scores = {4.1e-5f, 2.2e-5f, 1.3e-5f, -0.4e-5f, -1.9e-5f, 0.1e-5f, 1e-7f, 2e-7f, 3e-7f, -1e-7f, -2e-7f, 0};
  table.top = 3;
  table.top_documents = {0, 1, 2, 2, 1, 0};
  table.bottom_documents = {4, 3, 5, 4, 3, 5};
  table.document_sources = {"worked example", "formula", "forum", "code", "encyclopaedia", "prose"};
  const char* texts[] = {
      "Q: What is the slope through (1, 2) and (4, 14)?\nA: The difference of y is 14 - 2 = 12, the difference of x is 4 - 1 = 3. 12 / 3 = 4, so the slope is 4.",
      "slope = (y2 - y1) / (x2 - x1). Both differences are taken in the same order; an efficient office offers first-class affine fits.",
      "I keep getting the sign wrong when I find a slope. Does it matter which point comes first? No, as long as you stay with it.",
      "def slope(p, q):\n    return (q[1] - p[1]) / (q[0] - p[0])",
      "The slope of Mount Arrel is gentle on its northern side & <steep> on the other, where the village of Tindle lies.",
      "Nothing of note."};
  std::vector<std::string> ids;
  for (int d = 0; d < 6; ++d) {
    ids.push_back("corpus.jsonl.zst:" + std::to_string(d * 311));
    table.shown.push_back(shown(d, table.document_sources[d], texts[d], {table.score(0, d), table.score(1, d)}, 4));
  }
  table.document_ids = std::move(ids);
  return table;
}

ActivationMap wave_map(int layers, int tokens, bool diverging = false) {
  ActivationMap map;
  map.layers = layers;
  map.tokens = tokens;
  map.trace_id = "t003";
  map.name = diverging ? "cosine" : "norm";
  map.title = "Find the slope";
  map.quantity = diverging ? "Cosine with the last layer's residual stream" : "Norm of the residual stream";
  map.diverging = diverging;
  const char* words[] = {" The", " slope", " is", " 3", " so", " y", " =", "\n", " differ", "ence"};
  for (int l = 0; l < layers; ++l) {
    map.layer_names.push_back(std::to_string(l));
    for (int t = 0; t < tokens; ++t) map.values.push_back(static_cast<float>((diverging ? 0 : 4 + 2 * l) + std::sin(t * 0.23 + l) * 0.6));
  }
  for (int t = 0; t < tokens; ++t) map.token_texts.push_back(words[t % 10]);
  map.step_begins = {0, tokens / 4, tokens / 2};
  map.provenance = {{"trace", "t003"}, {"model hash", "a1b2c3d4e5f60718"}, {"activations", "recorded"}};
  return map;
}

const FigureOrigin origin{"slopes.h5", "demo"};

QByteArray read(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

// All character data of an SVG; empty where it is not well-formed.
QString svg_text(const QByteArray& bytes, const QString& element) {
  QXmlStreamReader xml(bytes);
  QString text;
  while (!xml.atEnd()) {
    if (xml.readNext() == QXmlStreamReader::StartElement && xml.name() == element) text += xml.readElementText(QXmlStreamReader::IncludeChildElements) + "\n";
  }
  return xml.hasError() ? QString() : text;
}

std::vector<std::vector<std::string>> csv_rows(const QByteArray& bytes) {
  std::vector<std::vector<std::string>> rows(1, std::vector<std::string>(1));
  bool quoted = false, comment = false;
  for (qsizetype i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (!quoted && rows.back().size() == 1 && rows.back()[0].empty() && c == '#') comment = true;
    if (comment) {
      if (c == '\n') comment = false;
    } else if (c == '"') {
      if (quoted && i + 1 < bytes.size() && bytes[i + 1] == '"') rows.back().back() += bytes[++i];
      else quoted = !quoted;
    } else if (!quoted && c == ',') {
      rows.back().emplace_back();
    } else if (!quoted && c == '\n') {
      rows.emplace_back(1);
    } else {
      rows.back().back() += c;
    }
  }
  rows.pop_back();
  return rows;
}

}  // namespace

class FiguresTest : public QObject {
  Q_OBJECT

  QTemporaryDir own_;
  QString folder_;
  QString path(const QString& name) const { return folder_ + "/" + name; }
  QByteArray exported(const Figure& figure, const QString& name) {
    export_figure(figure, path(name).toStdString());
    return read(path(name));
  }
  std::vector<std::pair<QString, Figure>> all_kinds() {
    return {{"step", step_figure(slope_trace(), slope_table(), 1, 3, origin)},
            {"document", document_figure(slope_trace(), slope_table(), 1, 0, TokenPart::read, origin)},
            {"activations", activation_figure(wave_map(4, 96), origin)}};
  }

 private slots:
  void initTestCase() {
    const QString kept = qEnvironmentVariable("STEMMA_TEST_PICTURES");
    folder_ = kept.isEmpty() ? own_.path() : kept;
  }

  void svg_is_well_formed_and_its_text_is_text() {
    for (const auto& [name, figure] : all_kinds()) {
      const QByteArray svg = exported(figure, name + ".svg");
      const QString words = svg_text(svg, "text");
      QVERIFY2(!words.isEmpty(), qPrintable(name));
      QVERIFY(words.contains(QString::fromStdString(figure.title)));
      const QString metadata = svg_text(svg, "metadata") + svg_text(svg, "desc");
      QVERIFY(metadata.contains("a1b2c3d4e5f60718"));
      QVERIFY(metadata.contains("stemma export slopes.h5"));
      QVERIFY(svg.contains("width=\"170.00mm\""));
    }
    const QString step = svg_text(read(path("step.svg")), "text");
    QVERIFY(step.contains("So the slope is") == false);
    QVERIFY(step.contains("difference of y over the difference of x"));
    QVERIFY(step.contains("& <steep>"));
    QVERIFY(step.contains("worked example"));
  }

  void pdf_holds_the_words_and_no_ligatures() {
    if (QStandardPaths::findExecutable("pdftotext").isEmpty()) QSKIP("pdftotext (poppler-utils) is not installed");
    for (const auto& [name, figure] : all_kinds()) {
      const QByteArray pdf = exported(figure, name + ".pdf");
      QVERIFY(pdf.startsWith("%PDF-"));
      QVERIFY(pdf.contains("a1b2c3d4e5f60718"));  // the metadata are not compressed
      QProcess reader;
      reader.start("pdftotext", {"-raw", path(name + ".pdf"), "-"});
      QVERIFY(reader.waitForFinished());
      const QString words = QString::fromUtf8(reader.readAllStandardOutput());
      QVERIFY2(words.contains(QString::fromStdString(figure.title)), qPrintable(words));
      QVERIFY(words.contains("ffeeddcc") || name == "activations");
      QCOMPARE(words.count('\f'), 1);  // one page
    }
    QProcess reader;
    reader.start("pdftotext", {"-raw", path("step.pdf"), "-"});
    QVERIFY(reader.waitForFinished());
    QVERIFY(QString::fromUtf8(reader.readAllStandardOutput()).contains("an efficient office offers first-class"));
  }

  void png_has_its_size_and_its_provenance() {
    for (const auto& [name, figure] : all_kinds()) {
      exported(figure, name + ".png");
      const QImage image(path(name + ".png"));
      QCOMPARE(image.width(), static_cast<int>(std::ceil(170 / 25.4 * 300)));
      QVERIFY(image.height() > 300);
      QCOMPARE(image.text("model hash"), QString("a1b2c3d4e5f60718"));
      const QString start = "stemma export slopes.h5 --figure " + name + " --trace t003 ";
      QVERIFY2(image.text("command").startsWith(start), qPrintable(image.text("command")));
      QCOMPARE(image.text("version"), QString("Stemma " STEMMA_VERSION));
    }
  }

  void csv_numbers_are_the_tables() {
    const InfluenceTable table = slope_table();
    const auto rows = csv_rows(exported(all_kinds()[0].second, "step.csv"));
    QCOMPARE(rows[0][6], std::string("score_nats"));
    QCOMPARE(rows.size(), size_t{1 + 3 + 2});  // three proponents; document 5 is no opponent
    for (size_t r = 1; r < rows.size(); ++r) {
      const int document = std::stoi(rows[r][2]);
      QCOMPARE(std::stof(rows[r][6]), table.score(0, document));
      QCOMPARE(rows[r][8], table.find(document)->text);
    }
    const auto tokens = csv_rows(exported(all_kinds()[1].second, "document.csv"));
    double sum = 0, layers = 0;
    std::string text;
    for (size_t r = 1; r < tokens.size(); ++r) {
      (tokens[r][0] == "token" ? sum : layers) += std::stod(tokens[r][3]);
      text += tokens[r][2];
    }
    QCOMPARE(text, table.shown[0].text);
    QVERIFY(std::abs(sum - table.score(0, 0)) < 1e-9);
    QCOMPARE(csv_rows(exported(all_kinds()[2].second, "activations.csv")).size(), size_t{1 + 4 * 96});
    QVERIFY(read(path("step.csv")).contains("# factors hash: ffeeddcc"));
  }

  void the_same_figure_gives_the_same_bytes() {
    for (const char* ending : {"svg", "pdf", "png", "csv"}) {
      for (const auto& [name, figure] : all_kinds()) {
        const QByteArray first = exported(figure, name + "." + ending);
        if (std::string(ending) == "pdf") QTest::qWait(1100);  // the clock moves on
        QVERIFY2(first == exported(figure, name + "." + ending), ending);
      }
    }
  }

  void tokens_are_shown_as_read_or_as_predicted() {
    InfluenceTable table = slope_table();
    const Figure read = document_figure(slope_trace(), table, 1, 0, TokenPart::read, origin),
                 predicted = document_figure(slope_trace(), table, 1, 0, TokenPart::predicted, origin);
    const auto token_values = [](const Figure& figure) {
      std::vector<std::string> values;
      for (const auto& row : figure.table.rows)
        if (row[0] == "token") values.push_back(row[3]);
      return values;
    };
    std::vector<std::string> reversed = token_values(read);
    std::reverse(reversed.begin(), reversed.end());
    QVERIFY(reversed.size() > 3 && reversed != token_values(read));
    QCOMPARE(token_values(predicted), reversed);
    QVERIFY(svg_text(exported(read, "read.svg"), "text").contains("Influence of each token as read"));
    QVERIFY(svg_text(exported(predicted, "predicted.svg"), "text").contains("Influence of each token as predicted"));
    QVERIFY(predicted.provenance.back().second.find("--document 0 --tokens predicted") != std::string::npos);
    QVERIFY(read.provenance.back().second.find("--tokens") == std::string::npos);
    table.shown[0].output_scores.clear();
    QVERIFY_EXCEPTION_THROWN(document_figure(slope_trace(), table, 1, 0, TokenPart::predicted), Error);
  }

  void a_long_text_grows_the_page() {
    InfluenceTable table = slope_table();
    std::string text;
    for (int i = 0; i < 900; ++i) text += (i % 40 == 39 ? "\nline " : " word") + std::to_string(i);
    text += " theveryend";
    table.shown[0] = shown(0, "prose", text, {1e-5f, 1e-7f}, 4);
    const Figure figure = document_figure(slope_trace(), table, 1, 0, TokenPart::read, origin);
    const QByteArray svg = exported(figure, "long.svg");
    QVERIFY(svg_text(svg, "text").contains("theveryend"));
    QXmlStreamReader xml(svg);
    double height = 0, lowest = 0, right = 0;
    while (!xml.atEnd()) {
      if (xml.readNext() != QXmlStreamReader::StartElement) continue;
      if (xml.name() == QString("svg")) height = xml.attributes().value("viewBox").toString().split(' ')[3].toDouble();
      if (xml.name() != QString("text")) continue;
      lowest = std::max(lowest, xml.attributes().value("y").toDouble());
      right = std::max(right, xml.attributes().value("x").toDouble() + xml.attributes().value("textLength").toDouble());
    }
    QVERIFY(height > 500 && lowest < height);
    QVERIFY(right <= figure.width);
    QVERIFY(exported(figure, "long.png").size() > 1000);
  }

  void a_word_longer_than_the_line_is_broken() {
    Figure figure;
    figure.title = std::string(400, 'w');
    const QString words = svg_text(exported(figure, "word.svg"), "text");
    QCOMPARE(words.count('w'), 400);
    QVERIFY(words.count('\n') > 3);
  }

  void control_characters_and_broken_utf8_do_no_harm() {
    Figure figure;
    figure.title = "bell \x07, half a letter \xC3, tab\t, <tag> & \"quote\"";
    figure.provenance = {{"model", "a\nb\x01"}};
    QVERIFY(!svg_text(exported(figure, "odd.svg"), "text").isEmpty());
    QVERIFY(exported(figure, "odd.csv").contains("# model: a b"));
    QVERIFY(exported(figure, "odd.pdf").startsWith("%PDF"));
  }

  void over_empty_data_it_says_so() {
    const Figure nothing = step_figure(slope_trace(), InfluenceTable{}, 1, 5);
    QVERIFY(svg_text(exported(nothing, "nothing.svg"), "text").contains("No documents have been attributed"));
    QVERIFY(nothing.table.rows.empty());
    QVERIFY(svg_text(exported(step_figure(slope_trace(), slope_table(), 0, 5), "prompt.svg"), "text").contains("No documents have been attributed"));
    InfluenceTable scores = slope_table();
    scores.top = 0;
    scores.top_documents.clear(), scores.bottom_documents.clear(), scores.shown.clear();
    const QString words = svg_text(exported(step_figure(slope_trace(), scores, 1, 5), "scores.svg"), "text");
    QVERIFY(words.simplified().contains("only the scores were kept") && !words.contains("None."));
    QVERIFY_EXCEPTION_THROWN(document_figure(slope_trace(), scores, 1, -1, TokenPart::read), Error);
    AttentionMap attention;
    attention.steps = 2, attention.layers = attention.heads = 4, attention.layer = 1;
    attention.trace_id = "t001";
    attention.values = {1, std::nanf(""), 0.25f, 0.75f};
    attention.step_texts = {"first", "second"};
    const Figure steps = attention_figure(attention, {"S.h5", "demo"});
    QVERIFY(steps.caption.find("layer 1, mean of 4 heads") != std::string::npos);
    QCOMPARE(steps.table.rows.size(), size_t{3});  // none above the diagonal
    QCOMPARE(steps.table.rows[1], (std::vector<std::string>{"1", "0", "0.25", "first"}));
    QCOMPARE(steps.provenance.back().second,
             std::string("stemma export S.h5 --figure attention --trace t001 --layer 1 --head -1 --out attention.pdf"));
    QVERIFY(!exported(steps, "attention.png").isEmpty());
    Trace trace;
    trace.id = "t001";
    trace.text = "one two three";
    trace.tokens = {1, 2, 3};
    trace.token_offsets = {0, 3, 7, 13};
    const AttentionRow row{"t001", 1, 2, 4, 1, -1, true, {0.75f, 0.25f}};
    const Figure looked_at = attention_row_figure(trace, row, {"S.h5", "demo"});
    QCOMPARE(looked_at.table.rows.size(), size_t{2});  // tokens behind it are not looked at
    QCOMPARE(looked_at.table.rows[1], (std::vector<std::string>{"1", " two", "0.25"}));
    QVERIFY(looked_at.caption.find("recorded residual stream") != std::string::npos);
    QCOMPARE(looked_at.provenance.back().second,
             std::string("stemma export S.h5 --figure attention-row --trace t001 --token 1 --layer 1 --head -1 --out "
                         "attention-row.pdf"));
    QVERIFY(!exported(looked_at, "row.png").isEmpty());
    QVERIFY(svg_text(exported(activation_figure({}), "no-map.svg"), "text").contains("no recorded activations"));
    QVERIFY(!exported(activation_figure({}), "no-map.png").isEmpty());
  }

  void offsets_beyond_the_text_do_no_harm() {
    InfluenceTable table = slope_table();
    table.shown[0].token_offsets.back() = 1'000'000;
    const Figure figure = document_figure(slope_trace(), table, 1, 0, TokenPart::read);
    QVERIFY(svg_text(exported(figure, "offsets.svg"), "text").contains("What is the slope"));
  }

  void a_certain_step_is_marked() {
    QVERIFY(step_figure(slope_trace(), slope_table(), 2, 3).caption.find("all but certain") != std::string::npos);
    QVERIFY(step_figure(slope_trace(), slope_table(), 1, 3).caption.find("all but certain") == std::string::npos);
    InfluenceTable contrast = slope_table();  // of two texts: its gradient is not tiny
    contrast.asked = AskedSpan{3, 4, "another text"};
    QVERIFY(step_figure(slope_trace(), contrast, 2, 3).caption.find("all but certain") == std::string::npos);
  }

  void what_does_not_exist_is_refused() {
    QVERIFY_EXCEPTION_THROWN(step_figure(slope_trace(), slope_table(), 9, 3), Error);
    QVERIFY_EXCEPTION_THROWN(step_figure(slope_trace(), slope_table(), -1, 3), Error);
    QVERIFY_EXCEPTION_THROWN(document_figure(slope_trace(), slope_table(), 1, 77, TokenPart::read), Error);
    const Figure figure = all_kinds()[0].second;
    QVERIFY_EXCEPTION_THROWN(export_figure(figure, path("figure.docx").toStdString()), Error);
    QVERIFY_EXCEPTION_THROWN(export_figure(figure, path("no/such/folder.svg").toStdString()), Error);
  }

  void maps_long_deep_and_unmeasured() {
    ActivationMap map = wave_map(32, 2000, true);
    std::fill_n(map.values.begin(), 2000, std::numeric_limits<float>::quiet_NaN());
    QVERIFY(svg_text(exported(activation_figure(map, origin), "deep.svg"), "text").contains("grey: not measured"));
    exported(activation_figure(map, origin), "deep.png");
    exported(activation_figure(wave_map(4, 40, true), origin), "cosine.png");
  }
};

QTEST_MAIN(FiguresTest)
#include "figures_test.moc"

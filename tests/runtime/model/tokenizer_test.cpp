#include "runtime/model/tokenizer.h"

#include <QtTest>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "runtime/error.h"
#include "runtime/model/tokenizer/byte_alphabet.h"
#include "runtime/model/utf8.h"
#include "tests/support/gguf_bytes.h"
#include "tests/support/json.h"

using namespace stemma;
using nlohmann::json;

namespace {

const std::filesystem::path shared_data = STEMMA_SHARED_DATA;

std::string read(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

json split_then_bytes(const std::string& pattern) {
  return {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}},
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
}

// The families of the reference data, loaded once.
const Tokenizer& family(const std::string& name) {
  static std::map<std::string, std::unique_ptr<Tokenizer>> loaded;
  auto& tokenizer = loaded[name];
  const auto folder = shared_data / "02_tokenizers" / name;
  if (tokenizer) return *tokenizer;
  tokenizer = std::make_unique<Tokenizer>(name == "stories260K" ? shared_data / "04_stories260K/derived/hf" : folder);
  return *tokenizer;
}

// Bytes as tokens 0..255, then "he" 256, "ll" 257, "hell" 258, "hello" 259, and the added tokens given.
json small(json added = json::array()) {
  json vocabulary = json::object();
  auto spelled = [](int byte) {
    static const std::vector<std::string> alphabet = [] {
      std::vector<std::string> made;
      char32_t next = 0x100;
      for (int b = 0; b < 256; ++b) {
        const char32_t c =
            (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE ? static_cast<char32_t>(b) : next++;
        made.push_back(QString::fromUcs4(&c, 1).toStdString());
      }
      return made;
    }();
    return alphabet[static_cast<size_t>(byte)];
  };
  for (int byte = 0; byte < 256; ++byte) vocabulary[spelled(byte)] = byte;
  for (const char* token : {"he", "ll", "hell", "hello"}) vocabulary[token] = vocabulary.size();
  return {{"added_tokens", added},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
          {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", {"h e", "l l", "he ll", "hell o"}}}}};
}
Tokenizer made(const json& document, const std::string& config = "") {
  return Tokenizer(document.dump(), config, "folder/tokenizer.json");
}

std::string error_of(const json& document, const std::string& config = "") {
  try {
    made(document, config);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

#define NEED_SHARED_DATA() \
  if (!std::filesystem::exists(shared_data)) QSKIP("the reference data is not beside this checkout")

class TokenizerTest : public QObject {
  Q_OBJECT

 private slots:
  // Every byte of a text belongs to one token, and (where nothing is normalised) the tokens' bytes are the text.
  // Qt's own Unicode tables say what NFC would have made of it.
  void offsets_data() {
    QTest::addColumn<QString>("name");
    for (const char* name : {"gpt2", "qwen2", "llama3", "llama2", "pythia-410m", "olmo2", "stories260K"})
      QTest::newRow(name) << name;
  }
  void offsets() {
    NEED_SHARED_DATA();
    QFETCH(QString, name);
    const Tokenizer& tokenizer = family(name.toStdString());
    const bool composes = name == "qwen2" || name == "pythia-410m";
    const bool spelled = name != "llama2" && name != "stories260K";
    std::vector<std::string> texts = {
        "", " ", "a", "ab\xC3", "\xE2\x82 x \xED\xA0\x80 y", std::string("nul\0nul", 7), "a  b\n\n  c\t"};
    const json inputs = test::json_in(shared_data / "03_tokenizer_vectors/swift/multilingual_a/inputs.json")["inputs"];
    if (name != "pythia-410m") texts.push_back("\xFF\xFE");  // it has no tokens for these bytes
    for (const json& input : inputs) texts.push_back(input["text"]);
    for (const std::string& text : texts) {
      std::vector<uint32_t> offsets;
      const auto ids = tokenizer.encode(text, &offsets);
      QCOMPARE(offsets.size(), ids.size() + 1);
      QCOMPARE(offsets.back(), text.size());
      QVERIFY(ids.empty() || offsets.front() == 0);
      QVERIFY(std::is_sorted(offsets.begin(), offsets.end()));
      const QString unicode = QString::fromUtf8(text.c_str(), static_cast<qsizetype>(text.size()));
      const bool valid = unicode.toStdString() == text;
      const std::string expected =
          composes && valid ? unicode.normalized(QString::NormalizationForm_C).toStdString() : text;
      QCOMPARE(QByteArray::fromStdString(tokenizer.decode(ids)), QByteArray::fromStdString(expected));
      for (size_t i = 0; spelled && expected == text && i < ids.size(); ++i)
        QCOMPARE(text.substr(offsets[i], offsets[i + 1] - offsets[i]), tokenizer.bytes(ids[i]));
    }
  }

  void offsets_of_composed_text() {
    json document = small();
    document["normalizer"] = {{"type", "NFC"}};
    const Tokenizer tokenizer = made(document);
    std::vector<uint32_t> offsets;
    // x, e + combining acute (3 bytes, composed to 2), y, a lone Hangul L V T (9 bytes, composed to 3), z
    const std::string text = "xe\u0301y\u1112\u1161\u11ABz\u00E9";
    const auto ids = tokenizer.encode(text, &offsets);
    QCOMPARE(tokenizer.decode(ids), std::string("x\u00E9y\uD55Cz\u00E9"));
    QCOMPARE(offsets, (std::vector<uint32_t>{0, 1, 1, 4, 5, 5, 5, 14, 15, 16, 17}));
  }

  void bytes_without_a_token_are_left_out() {
    json document = small();
    document["model"]["vocab"].erase("x");
    document["model"]["vocab"].erase("y");
    std::vector<uint32_t> offsets;
    QCOMPARE(made(document).encode("xyaxyb x", &offsets), (std::vector<int32_t>{'a', 'b', ' '}));
    QCOMPARE(offsets, (std::vector<uint32_t>{2, 5, 6, 8}));
    document["model"]["unk_token"] = "he";
    QCOMPARE(made(document).encode("xyab x", &offsets), (std::vector<int32_t>{256, 256, 'a', 'b', ' ', 256}));
    QCOMPARE(offsets, (std::vector<uint32_t>{0, 1, 2, 3, 4, 5, 6}));
    document["model"]["fuse_unk"] = true;
    QCOMPARE(made(document).encode("xyab x", &offsets), (std::vector<int32_t>{256, 'a', 'b', ' ', 256}));
    QCOMPARE(offsets, (std::vector<uint32_t>{0, 2, 3, 4, 5, 6}));
  }

  void merges_by_rank_then_from_the_left() {
    json document = small();
    const Tokenizer tokenizer = made(document);
    QCOMPARE(tokenizer.encode("hello"), (std::vector<int32_t>{259}));
    QCOMPARE(tokenizer.encode("hell"), (std::vector<int32_t>{258}));
    QCOMPARE(tokenizer.encode("lll"), (std::vector<int32_t>{257, 'l'}));
    document["model"]["merges"] = json::array();
    for (auto [left, right] : {std::pair("h", "e"), {"l", "l"}, {"he", "ll"}, {"hell", "o"}})
      document["model"]["merges"].push_back(json::array({left, right}));
    QCOMPARE(made(document).encode("hello"), (std::vector<int32_t>{259}));
  }

  void words_that_are_tokens_may_skip_the_merges() {
    json document = small();
    document["model"]["merges"] = {"h e"};
    QCOMPARE(made(document).encode("hello"), (std::vector<int32_t>{256, 'l', 'l', 'o'}));
    document["model"]["ignore_merges"] = true;
    QCOMPARE(made(document).encode("hello"), (std::vector<int32_t>{259}));
  }

  // As llama.cpp's converter writes Gemma 4: pairs with U+2581 for spaces, not GPT-2's alphabet.
  void spaceless_pairs_of_gguf() {
    std::vector<std::string> tokens = {"<unk>", "<bos>"};
    for (int byte = 0; byte < 256; ++byte) tokens.push_back(token_of_byte(static_cast<uint8_t>(byte)));
    tokens.insert(tokens.end(), {"\u2581", "a", "b", "ab", "\u2581ab", "\n"});
    std::string spellings, kinds;
    for (size_t i = 0; i < tokens.size(); ++i) {
      spellings += test::counted(tokens[i]);
      kinds += test::raw<int32_t>(i == 0 ? 2 : i == 1 ? 3 : i < 258 ? 6 : 1);
    }
    test::GgufBytes gguf;
    gguf.text("general.architecture", "gemma4");
    gguf.text("tokenizer.ggml.model", "gemma4");
    gguf.array("tokenizer.ggml.tokens", 8, tokens.size(), spellings);
    gguf.array("tokenizer.ggml.token_type", 5, tokens.size(), kinds);
    gguf.array("tokenizer.ggml.merges", 8, 2, test::counted("a b") + test::counted("\u2581 ab"));
    gguf.u32("tokenizer.ggml.bos_token_id", 1);
    gguf.u32("tokenizer.ggml.unknown_token_id", 0);
    const Tokenizer tokenizer(gguf.bytes(), "", "folder/model.gguf");
    QCOMPARE(tokenizer.encode("ab ab\n\u00E9<bos>a"),
             (std::vector<int32_t>{261, 262, 263, 2 + 0xC3, 2 + 0xA9, 1, 259}));
    QCOMPARE(tokenizer.decode(tokenizer.encode("ab  ab\n\u00E9a ")), std::string("ab  ab\n\u00E9a "));
  }

  // Llama 3.1 has other names for the reserved tokens of Llama 3; both have as many ranks.
  void a_configuration_names_the_special_tokens_of_ranks() {
    NEED_SHARED_DATA();
    const auto file = shared_data / "02_tokenizers/llama3/tokenizer.model";
    const Tokenizer plain(read(file), "", "folder/tokenizer.model");
    QCOMPARE(plain.id("<|reserved_special_token_2|>"), 128004);
    const Tokenizer newer(read(file), R"({"added_tokens_decoder": {"128004": {"content": "<|finetune_right_pad_id|>", "special": true}}})",
                          "folder/tokenizer.model");
    QCOMPARE(newer.encode("<|finetune_right_pad_id|>"), (std::vector<int32_t>{128004}));
    QCOMPARE(newer.id("<|reserved_special_token_2|>"), -1);
  }

  void added_tokens_are_found_longest_first() {
    const Tokenizer tokenizer = made(
        small({{{"id", 260}, {"content", "<think>"}, {"special", false}},
               {{"id", 261}, {"content", "<think>>"}, {"special", false}},
               {{"id", 262}, {"content", "<|endoftext|>"}, {"special", true}, {"lstrip", true}, {"rstrip", true}}}));
    std::vector<uint32_t> offsets;
    QCOMPARE(tokenizer.encode("<think>hello<think>>x \u2003<|endoftext|>\n y", &offsets),
             (std::vector<int32_t>{260, 259, 261, 'x', 262, 'y'}));
    QCOMPARE(offsets, (std::vector<uint32_t>{0, 7, 12, 20, 21, 40, 41}));
    QCOMPARE(tokenizer.bytes(262), std::string("<|endoftext|>"));
    QVERIFY(tokenizer.special(262) && !tokenizer.special(260) && !tokenizer.special('x'));
    QCOMPARE(tokenizer.id("<think>"), 260);
    QCOMPARE(tokenizer.id("hello"), -1);
    QCOMPARE(tokenizer.size(), 263);
    QVERIFY(tokenizer.bytes(-1).empty() && tokenizer.bytes(263).empty());
  }

  void a_space_before_the_text_stands_for_nothing() {
    json document = small();
    document["pre_tokenizer"]["add_prefix_space"] = true;
    std::vector<uint32_t> offsets;
    QCOMPARE(made(document).encode("hello x", &offsets), (std::vector<int32_t>{' ', 259, ' ', 'x'}));
    QCOMPARE(offsets, (std::vector<uint32_t>{0, 0, 5, 6, 7}));
    QCOMPARE(made(document).encode(" hello"), (std::vector<int32_t>{' ', 259}));
  }

  void bos_comes_from_the_template_or_the_configuration() {
    const json added = {{{"id", 260}, {"content", "<s>"}, {"special", true}},
                        {{"id", 261}, {"content", "</s>"}, {"special", true}}};
    json document = small(added);
    QVERIFY(!made(document).adds_bos());
    QCOMPARE(made(document).bos(), -1);
    const std::string config = R"({"bos_token": "<s>", "eos_token": {"content": "</s>"}, "add_bos_token": true})";
    QVERIFY(made(document, config).adds_bos());
    QCOMPARE(made(document, config).bos(), 260);
    QCOMPARE(made(document, config).eos(), 261);
    document["post_processor"] = {
        {"type", "Sequence"},
        {"processors",
         {{{"type", "ByteLevel"}},
          {{"type", "TemplateProcessing"},
           {"single", {{{"SpecialToken", {{"id", "<s>"}}}}, {{"Sequence", {{"id", "A"}}}}}}}}}};
    QVERIFY(made(document).adds_bos());
    QCOMPARE(made(document).bos(), 260);
    QVERIFY(!made(document, R"({"add_bos_token": false})").adds_bos());
    QVERIFY(made(document).hash() != made(document, R"({"add_bos_token": false})").hash());
  }

  // What is refused, and the words that the sentence must have.
  void refusals() {
    auto with = [](const char* pointer, json value) {
      json document = small();
      document[json::json_pointer(pointer)] = std::move(value);
      return document;
    };
    const json split = {{"type", "Split"}, {"pattern", {{"Regex", "a"}}}, {"behavior", "Sometimes"}};
    auto many = [](const std::string& part) {
      std::string all;
      for (int i = 0; i < 20'000; ++i) all += part;
      return all;
    };
    const std::vector<std::pair<json, std::string>> cases = {
        {with("/model/type", "Unigram"), "no vocabulary"},
        {with("/model/type", "Trigram"), "model 'Trigram'"},
        {with("/normalizer", {{"type", "Lisp"}}), "normalizer 'Lisp'"},
        {with("/normalizer", {{"type", "Replace"}, {"content", "x"}}), "without a pattern"},
        {with("/normalizer", {{"type", "Prepend"}, {"prepend", std::string(300, 'x')}}), "300 bytes"},
        {with("/normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", "AAAA"}}), "cut short"},
        {with("/normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", "A"}}), "not base64"},
        {with("/pre_tokenizer", {{"type", "UnicodeScripts"}}), "'UnicodeScripts'"},
        {with("/pre_tokenizer", {{"type", "Metaspace"}, {"prepend_scheme", "last"}}), "'last'"},
        {with("/pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {split, {{"type", "ByteLevel"}}}}}),
         "behavior 'Sometimes'"},
        {with("/decoder", {{"type", "CTC"}}), "decoder 'CTC'"},
        {with("/pre_tokenizer", split_then_bytes("(unclosed")), "pattern is broken"},
        {with("/pre_tokenizer", split_then_bytes(many("\\b"))), "more classes"},
        {with("/pre_tokenizer", split_then_bytes(std::string("[").append(many("\\w")).append("]"))), "more classes"},
        {with("/pre_tokenizer", split_then_bytes("[[:graph:]]")), "a class of this name"},
        {with("/pre_tokenizer", split_then_bytes("a|\\X")), "clusters of characters (\\X) at character 2"},
        {with("/post_processor", {{"type", "RobertaProcessing"}}), "no token"},
        {with("/post_processor", {{"type", "Oracle"}}), "'Oracle'"},
        {with("/model/dropout", 0.1), "dropout"},
        {with("/model/vocab", json::object()), "no vocabulary"},
        {with("/model/vocab/he", 255), "id 255"},
        {with("/model/vocab/he", -1), "'he'"},
        {with("/model/vocab/he", 4'000'000'000u), "'he'"},
        {with("/model/merges/0", "he"), "'he'"},
        {with("/model/merges/0", 7), "merge 0"},
        {with("/model/merges/0", "o h"), "'oh'"},
        {with("/added_tokens", {{{"id", 5}}}), "added token"},
        {with("/added_tokens", {{{"id", 5}, {"content", "<x>"}}}), "'<x>'"},
        {json{{"version", "1.0"}}, "no model"},
    };
    for (const auto& [document, words] : cases) {
      const std::string error = error_of(document);
      QVERIFY2(error.starts_with("folder/tokenizer.json: "), error.c_str());
      QVERIFY2(error.find(words) != std::string::npos, (words + " | " + error).c_str());
    }
    json nothing = small({{{"id", 260}, {"content", "\n\n"}, {"normalized", true}}});
    nothing["normalizer"] = {{"type", "Strip"}};
    QVERIFY(error_of(nothing).find("is nothing once normalized") != std::string::npos);
    const std::string config = error_of(small(), R"({"bos_token": "<none>"})");
    QVERIFY2(config.starts_with("folder/tokenizer_config.json: ") && config.find("<none>") != std::string::npos,
             config.c_str());
  }

  void edge_files() {
    NEED_SHARED_DATA();
    const auto folder = shared_data / "02_tokenizers/edge";
    const Tokenizer mini(folder / "ollama_mini_llama_tokenizer.json");
    QCOMPARE(mini.size(), 128002);
    QCOMPARE(mini.decode(mini.encode("<|begin_of_text|>Hello  world")), std::string("<|begin_of_text|>Hello  world"));
    for (auto [file, words] : {std::pair("swift_offline_tokenizer.json", "'off'"),
                               {"test_hf_tokenizer.json", "'He'"},
                               {"test_tiktoken_invalid_base64.model", "line 1 is not base64"},
                               {"test_tiktoken_invalid_rank.model", "rank in line 1"},
                               {"test_tiktoken_no_space.model", "line 1 is not a token and its rank"},
                               {"test_bpe_tokenizer.bin", "no known form"},
                               {"test_llama2c_tokenizer.bin", "no known form"},
                               {"absent.json", "no such file"}})
      try {
        Tokenizer tokenizer(folder / file);
        QFAIL(file);
      } catch (const Error& error) {
        const std::string what = error.what();
        QVERIFY2(what.find(file) != std::string::npos && what.find(words) != std::string::npos, what.c_str());
      }
  }

  void hostile_patterns_are_stopped() {
    json document = small();
    document["pre_tokenizer"] = split_then_bytes("(a+a+)+$");
    const Tokenizer tokenizer = made(document);
    try {
      tokenizer.encode(std::string(5000, 'a') + "b");
      QFAIL("expected the pattern to be stopped");
    } catch (const Error& error) {
      QVERIFY(std::string(error.what()).find("too much work") != std::string::npos);
    }
    for (const char* pattern : {"", "a*", "(?=a)", "\\K", "a\\K", "x|"}) {  // patterns that match nothing still end
      document["pre_tokenizer"] = split_then_bytes(pattern);
      const Tokenizer odd = made(document);
      QCOMPARE(odd.decode(odd.encode("baab hello \xC3\xA9\xFF")), std::string("baab hello \xC3\xA9\xFF"));
    }
  }

  void long_words_are_merged_in_good_time() {
    const Tokenizer tokenizer = made(small());
    std::string text;
    while (text.size() < 1'000'000) text += "hellohel";
    QElapsedTimer timer;
    timer.start();
    const auto ids = tokenizer.encode(text);
    QCOMPARE(tokenizer.decode(ids), text);
    QVERIFY2(timer.elapsed() < 20'000, "a word of a million bytes took more than 20 s");
  }

  void threads_agree() {
    const Tokenizer tokenizer = made(small());
    std::vector<std::vector<int32_t>> results(4);
    std::vector<std::thread> threads;
    for (auto& result : results)
      threads.emplace_back([&] {
        for (int i = 0; i < 2000; ++i) {
          const auto ids = tokenizer.encode("hello " + std::to_string(i % 50) + " hell");
          result.insert(result.end(), ids.begin(), ids.end());
        }
      });
    for (auto& thread : threads) thread.join();
    for (const auto& result : results) QVERIFY(result == results[0]);
  }

  void printable_text() {
    QCOMPARE(printable("a\xC3\xA9"), std::string("a\u00E9"));
    QCOMPARE(printable("\xC3"), std::string("\uFFFD"));
    QCOMPARE(printable("\xF0\x9F\x99z"), std::string("\uFFFD\uFFFD\uFFFDz"));
    QCOMPARE(printable("\xED\xA0\x80\xC0\x80\xF4\x90\x80\x80").size(), size_t{9 * 3});
  }
};

QTEST_GUILESS_MAIN(TokenizerTest)
#include "tokenizer_test.moc"

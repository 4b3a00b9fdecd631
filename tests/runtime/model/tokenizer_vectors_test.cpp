// Ids and texts that other implementations made, for every family whose vocabulary is in the reference data.
#include <QtTest>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/model/tokenizer.h"
#include "runtime/model/utf8.h"
#include "tests/support/json.h"

using namespace stemma;
using nlohmann::json;

namespace {

const std::filesystem::path shared_data = STEMMA_SHARED_DATA;

std::string read(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// "01 falcon" is a GGUF vocabulary, "02 gpt2" a folder, "02 gpt2/merges.txt" a file.
const Tokenizer& tokenizer_of(const std::string& name) {
  static std::map<std::string, std::unique_ptr<Tokenizer>> loaded;
  auto& tokenizer = loaded[name];
  if (tokenizer) return *tokenizer;
  const std::string rest = name.substr(3);
  const auto path = name.starts_with("01") ? shared_data / "01_llamacpp_vocab" / ("ggml-vocab-" + rest + ".gguf")
                                           : shared_data / "02_tokenizers" / rest;
  tokenizer = std::make_unique<Tokenizer>(path);
  return *tokenizer;
}

struct Case {
  std::string text;
  std::vector<int32_t> ids;
  bool special = false;  // the ids hold what the post-processor adds
};

// Runs the cases and says how many agree.
void compare(const std::string& family, const std::string& name, const std::vector<Case>& cases) {
  const Tokenizer& tokenizer = tokenizer_of(name);
  size_t agree = 0;
  std::string first;
  for (const Case& entry : cases) {
    auto ids = tokenizer.encode(entry.text);
    if (entry.special) ids = tokenizer.with_special(ids);
    if (ids == entry.ids)
      ++agree;
    else if (first.empty())
      first = entry.text + "\n" + json(ids).dump() + "\n" + json(entry.ids).dump();
  }
  std::printf("%-48s %-24s %zu of %zu\n", family.c_str(), name.c_str(), agree, cases.size());
  std::fflush(stdout);
  QVERIFY(!cases.empty());
  QVERIFY2(agree == cases.size(), first.c_str());
}

// What transformers does to decoded text for tokenizers that ask for it; we keep the spaces.
QString cleaned_up(std::string_view text) {
  QString cleaned = QString::fromStdString(printable(text));
  for (auto [from, to] : {std::pair(" .", "."),
                          {" ?", "?"},
                          {" !", "!"},
                          {" ,", ","},
                          {" ' ", "'"},
                          {" n't", "n't"},
                          {" 'm", "'m"},
                          {" 's", "'s"},
                          {" 've", "'ve"},
                          {" 're", "'re"}})
    cleaned.replace(from, to);
  return cleaned;
}

void add_rows(std::initializer_list<std::pair<const char*, std::vector<const char*>>> table) {
  QTest::addColumn<QString>("family");
  QTest::addColumn<QString>("name");
  for (const auto& [family, names] : table)
    for (const char* name : names) QTest::addRow("%s %s", family, name) << family << name;
}

}  // namespace

#define FETCH()                                                                                       \
  if (!std::filesystem::exists(shared_data)) QSKIP("the reference data is not beside this checkout"); \
  QFETCH(QString, family);                                                                            \
  QFETCH(QString, name);                                                                              \
  const std::string family_name = family.toStdString(), tokenizer_name = name.toStdString()

class TokenizerVectorsTest : public QObject {
  Q_OBJECT

 private slots:
  // 46 texts a family (folder 01), made without special tokens.
  void llama_cpp_data() {
    add_rows({{"gpt-2", {"01 gpt-2", "02 gpt2", "02 gpt2/merges.txt", "02 olmo-test-gpt2"}},
              {"mpt", {"01 mpt", "01 gpt-neox", "02 gpt-neox-20b", "02 pythia-410m"}},
              {"qwen2", {"02 qwen2", "02 qwen1"}},
              {"deepseek-r1-qwen", {"02 qwen2"}},
              {"llama-bpe", {"02 llama3", "02 llama3/tokenizer.model"}},
              {"llama-spm", {"01 llama-spm", "02 llama2", "02 llama2/tokenizer.model"}},
              {"bert-bge", {"01 bert-bge"}},
              {"deepseek-coder", {"01 deepseek-coder"}},
              {"refact", {"01 refact"}}});
  }
  void llama_cpp() {
    FETCH();
    const auto base = (shared_data / "01_llamacpp_vocab" / ("ggml-vocab-" + family_name + ".gguf")).string();
    const QStringList texts = QString::fromStdString(read(base + ".inp")).split("\n__ggml_vocab_test__\n");
    std::istringstream lines(read(base + ".out"));
    std::vector<Case> cases;
    std::string line;
    for (int i = 0; std::getline(lines, line); ++i) {
      std::istringstream numbers(line);
      cases.push_back({texts.value(i).toStdString(), {std::istream_iterator<int32_t>(numbers), {}}});
    }
    QCOMPARE(cases.size(), size_t{46});
    compare("01 " + family_name, tokenizer_name, cases);
  }

  // Folder 03: the tests of transformers.js.
  void transformers_js_data() {
    add_rows({{"gpt2 Xenova/gpt2", {"01 gpt-2", "02 gpt2", "02 gpt2/merges.txt", "02 olmo-test-gpt2"}},
              {"gpt2 openai-community/gpt2", {"01 gpt-2", "02 gpt2"}},
              {"gpt2 Xenova/gpt-4", {"02 olmo2"}},
              {"qwen2 Xenova/Qwen1.5-0.5B-Chat", {"02 qwen2", "02 qwen1"}},
              {"falcon tiiuae/falcon-7b", {"01 falcon"}},
              {"falcon tiiuae/falcon-rw-1b", {"01 gpt-2"}},
              {"llama Xenova/llama-tokenizer", {"01 llama-spm", "02 llama2", "02 llama2/tokenizer.model"}},
              {"llama Xenova/llama3-tokenizer", {"02 llama3"}},
              {"llama Xenova/llama3-tokenizer-new", {"02 llama3"}},
              {"llama Xenova/deepseek-coder-1.3b-instruct", {"01 deepseek-coder"}}});
  }
  void transformers_js() {
    FETCH();
    const auto folder = shared_data / "03_tokenizer_vectors/transformersjs";
    const size_t space = family_name.find(' ');
    const json entries =
        test::json_in(folder / (family_name.substr(0, space) + ".json"))[family_name.substr(space + 1)];
    // The older tokenizer of Llama 3 has no post-processor.
    const bool special = family_name != "llama Xenova/llama3-tokenizer";
    std::vector<Case> cases;
    for (const json& entry : entries) cases.push_back({entry["text"], entry["ids"], special});
    compare("03 " + family_name, tokenizer_name, cases);
    for (const json& entry : entries)
      if (entry["decoded"].is_string()) {
        const std::string expected = entry["decoded"], text = tokenizer_of(tokenizer_name).decode(entry["ids"]);
        QCOMPARE(cleaned_up(text), cleaned_up(expected));
      }
  }

  // Folder 03: made with Python's transformers.
  void multilingual_data() {
    add_rows({{"openai-community__gpt2", {"01 gpt-2", "02 gpt2", "02 gpt2/merges.txt"}},
              {"Qwen__Qwen2.5-0.5B", {"02 qwen2"}},
              {"TinyLlama__TinyLlama-1.1B-Chat-v1.0", {"01 llama-spm", "02 llama2", "02 llama2/tokenizer.model"}}});
  }
  void multilingual() {
    FETCH();
    const auto folder = shared_data / "03_tokenizer_vectors/swift/multilingual_a";
    const json entries = test::json_in(folder / (family_name + ".json"))["entries"];
    const json inputs = test::json_in(folder / "inputs.json")["inputs"];
    std::vector<Case> cases;
    for (const json& input : inputs)
      cases.push_back({input["text"], entries[input["id"].get<std::string>()]["input_ids"], true});
    QCOMPARE(cases.size(), size_t{30});
    compare("03 " + family_name, tokenizer_name, cases);
    for (const json& input : inputs) {
      const json& entry = entries[input["id"].get<std::string>()];
      std::vector<int32_t> ids = entry["input_ids"];
      QCOMPARE(QString::fromStdString(tokenizer_of(tokenizer_name).decode(ids)),
               QString::fromStdString(entry["decoded_with_special"]));
    }
  }

  // Folder 03: one long French text each.
  void long_texts_data() {
    add_rows({{"gpt2_encoded_tokens", {"01 gpt-2", "02 gpt2", "02 gpt2/merges.txt"}},
              {"llama_3.2_encoded", {"02 llama3", "02 llama3/tokenizer.model"}},
              {"llama_encoded", {"01 llama-spm", "02 llama2", "02 llama2/tokenizer.model"}},
              {"falcon_encoded", {"01 falcon"}}});
  }
  void long_texts() {
    FETCH();
    const json entry = test::json_in(shared_data / "03_tokenizer_vectors/swift" / (family_name + ".json"));
    const std::vector<int32_t> ids = entry["token_ids"];
    const Tokenizer& tokenizer = tokenizer_of(tokenizer_name);
    const bool special = tokenizer.bos() >= 0 && !ids.empty() && ids.front() == tokenizer.bos();
    compare("03 " + family_name, tokenizer_name, {{entry["text"], ids, special}});
  }

  // Folder 03: 18 or 19 short texts a tokenizer.
  void short_texts_data() {
    add_rows({{"distilgpt2", {"01 gpt-2", "02 gpt2", "02 gpt2/merges.txt", "02 olmo-test-gpt2"}},
              {"coreml-projects/Llama-2-7b-chat-coreml", {"01 llama-spm", "02 llama2", "02 llama2/tokenizer.model"}},
              {"tiiuae/falcon-7b", {"01 falcon"}},
              {"bert-base-uncased", {"01 bert-bge"}},
              {"google-bert/bert-base-uncased", {"01 bert-bge"}},
              {"pcuenq/Llama-3.2-1B-Instruct-tokenizer", {"02 llama3/tokenizer.model"}}});
  }
  void short_texts() {
    FETCH();
    const json tests = test::json_in(shared_data / "03_tokenizer_vectors/swift/tokenizer_tests.json");
    std::vector<Case> cases;
    for (const json& entry : tests[family_name]) cases.push_back({entry["input"], entry["encoded"]["input_ids"], true});
    compare("03 " + family_name, tokenizer_name, cases);
  }
};

QTEST_GUILESS_MAIN(TokenizerVectorsTest)
#include "tokenizer_vectors_test.moc"

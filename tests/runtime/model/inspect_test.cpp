// What is told of model folders that cannot be run, and why.
#include "runtime/model/inspect.h"

#include <QTemporaryDir>
#include <QtTest>
#include <fstream>
#include <numeric>

#include "runtime/error.h"
#include "runtime/model/model.h"
#include "tests/support/says.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;

namespace {

namespace fs = std::filesystem;

const fs::path shared_data = STEMMA_SHARED_DATA, golden = fs::path(STEMMA_SOURCE_DIR) / "tests/golden/gguf/llama";

void write(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

std::string joined(const std::vector<std::string>& sentences) {
  return std::accumulate(sentences.begin(), sentences.end(), std::string(),
                         [](const std::string& all, const std::string& one) { return all + "; " + one; });
}

}  // namespace

class InspectTest : public QObject {
  Q_OBJECT

 private slots:
  void a_whole_folder() {
    QTemporaryDir temporary;
    const fs::path folder = temporary.path().toStdString();
    write_tiny_tokenizer(folder);
    for (const char* name : {"config.json", "model.safetensors"}) fs::copy(golden / name, folder / name);
    const ModelReport report = inspect_model(find_model(folder));
    QVERIFY2(report.whole(), joined(report.missing).c_str());
    QCOMPARE(report.shards, 1);
    QCOMPARE(report.stored.size(), size_t{1});
    const int64_t embedding = 32 * 32, attention = 2 * 32 * 32 + 2 * 16 * 32, mlp = 3 * 64 * 32, norms = 5 * 32;
    QCOMPARE(report.stored.at("F32"), embedding + 2 * (attention + mlp) + norms);
    QCOMPARE(report.tokenizer->size(), tiny_vocabulary);

    fs::remove(folder / "model.safetensors");
    fs::copy(golden / "model.gguf", folder / "model.gguf");
    const ModelReport gguf = inspect_model(find_model(folder));
    QVERIFY2(gguf.whole(), joined(gguf.unsupported).c_str());
    QCOMPARE(gguf.stored.at("F16"), int64_t{32 * 32 + 16 * 32});
    int64_t numbers = 0;
    for (const auto& [type, count] : gguf.stored) numbers += count;
    QCOMPARE(numbers, report.stored.at("F32"));
    QVERIFY(!report.kept_bytes && gguf.kept_bytes);  // its blocks stay as they are
    QVERIFY(*gguf.kept_bytes > static_cast<double>(numbers) / 2 &&
            *gguf.kept_bytes < 4.0 * static_cast<double>(numbers));
  }

  void what_is_missing_foreign_or_broken() {
    QTemporaryDir temporary;
    const fs::path folder = temporary.path().toStdString();
    auto report = [&] { return inspect_model(find_model(folder)); };
    QCOMPARE(report().missing.size(), size_t{3});  // config, weights, tokenizer
    fs::copy(golden / "config.json", folder / "config.json");
    QCOMPARE(report().missing.size(), size_t{2});
    QVERIFY(report().config && report().unsupported.empty() && report().broken.empty());
    write(folder / "pytorch_model.bin", "PK");
    VERIFY_SAYS(joined(report().unsupported), "Python pickles (pytorch_model.bin), which can run code; convert them");
    write_tiny_tokenizer(folder);
    fs::copy(golden / "model.safetensors", folder / "model.safetensors");
    QVERIFY(report().whole());
    fs::resize_file(folder / "model.safetensors", fs::file_size(folder / "model.safetensors") - 1);
    VERIFY_SAYS(joined(report().broken), "it is cut short, fetch it again");
    write(folder / "model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    VERIFY_SAYS(joined(report().broken), "is a Git-LFS pointer, the weights are not here; fetch them with git lfs pull");
    write(folder / "tokenizer.json", "{");
    QVERIFY(!report().tokenizer && report().broken.size() == 2);
  }

  // Every folder and file there that is no model, refused by loading in one sentence.
  void reference_folders_are_refused() {
    if (!fs::exists(shared_data)) QSKIP("the reference data is not beside this checkout");
    const fs::path edge = shared_data / "06_safetensors_gguf_edge";
    QTemporaryDir temporary;
    const fs::path malformed = temporary.path().toStdString();
    fs::copy(edge / "malformed/bad_config.json", malformed / "config.json");
    const std::tuple<fs::path, const char*, const char*> cases[] = {
        {edge / "git_lfs_pointer", "'GPTNeoXForSequenceClassification'", "Git-LFS pointer"},
        {edge / "sharded_missing_shards", "'gptq'", "model-00001-of-00005.safetensors"},
        {edge / "sharded_missing_shards", "'QWenLMHeadModel'", "lists shards that are not in the folder"},
        {edge / "unknown_architecture", "'TinyTestModel'", "'TinyTestModel'"},
        {malformed, "not valid JSON", "not valid JSON"},
        {edge / "swift", "tensor-1d-int32.safetensors", "config.json: there is no such file"},
    };
    int refused = 0;
    for (const auto& [folder, words, also] : cases) {
      std::string error;
      try {
        load_model(folder, make_cpu_ops());
      } catch (const Error& failure) {
        error = failure.what();
      }
      VERIFY_SAYS(error, words);
      QVERIFY2(error.find('\n') == std::string::npos && error.starts_with(fs::canonical(folder).string()), error.c_str());
      const ModelReport report = inspect_model(find_model(folder));
      QVERIFY(!report.whole());
      VERIFY_SAYS(joined(report.missing) + joined(report.unsupported) + joined(report.broken), also);
      ++refused;
    }
    qInfo("%d of %zu awkward reference folders are refused", refused, std::size(cases));
  }
};

QTEST_GUILESS_MAIN(InspectTest)
#include "inspect_test.moc"

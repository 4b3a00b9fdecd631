// Model folders as people have them, and what is wrong with them when it is.
#include "runtime/model/files/model_files.h"

#include <QTemporaryDir>
#include <QtTest>
#include <cstdlib>
#include <fstream>

#include "runtime/error.h"
#include "tests/support/says.h"

using namespace stemma;

namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text = "") {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string error_of(const fs::path& named) {
  try {
    const ModelFiles files = find_model(named);
    if (files.gguf.empty()) check_weights_form(files.folder);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

const std::string commit = "0123456789abcdef0123456789abcdef01234567", older(40, 'a');

}  // namespace

class ModelFilesTest : public QObject {
  Q_OBJECT

  QTemporaryDir temporary_;
  fs::path folder_;

 private slots:
  void init() {
    folder_ = fs::canonical(temporary_.path().toStdString()) / QTest::currentTestFunction();
    fs::create_directories(folder_);
    for (const char* name : {"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"}) ::unsetenv(name);
  }

  void folders_and_files() {
    write(folder_ / "tensors/config.json");
    write(folder_ / "tensors/model.safetensors");
    write(folder_ / "tensors/other.gguf");
    const ModelFiles tensors = find_model(folder_ / "tensors/../tensors");
    QCOMPARE(tensors.path(), folder_ / "tensors");
    QVERIFY(tensors.gguf.empty() && tensors.commit.empty());
    QCOMPARE(tensors.name, std::string("tensors"));

    write(folder_ / "one/Tiny-Q8_0.gguf");
    QCOMPARE(find_model(folder_ / "one").path(), folder_ / "one/Tiny-Q8_0.gguf");
    QCOMPARE(find_model(folder_ / "one").name, std::string("one"));
    QCOMPARE(find_model(folder_ / "one/Tiny-Q8_0.gguf").name, std::string("Tiny-Q8_0"));

    write(folder_ / "bare/config.json");  // a config alone: what is missing is told by who needs it
    QCOMPARE(find_model(folder_ / "bare").path(), folder_ / "bare");
  }

  void folders_that_are_refused() {
    write(folder_ / "two/a.gguf");
    write(folder_ / "two/b.gguf");
    VERIFY_SAYS(error_of(folder_ / "two"), "two: holds 2 GGUF files ('a.gguf', ...); name one of them");
    write(folder_ / "adapter/adapter_config.json", "{}");
    write(folder_ / "adapter/adapter_model.safetensors");
    VERIFY_SAYS(error_of(folder_ / "adapter"), "adapter: holds an adapter alone (adapter_config.json); merge it");
    for (const char* name : {"pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "consolidated.00.pth"}) {
      fs::remove_all(folder_ / "pickle");
      write(folder_ / "pickle/config.json", "{}");
      write(folder_ / "pickle" / name);
      VERIFY_SAYS(error_of(folder_ / "pickle"), "its weights are Python pickles (" + std::string(name));
    }
    write(folder_ / "pickle/model.safetensors");
    QCOMPARE(error_of(folder_ / "pickle"), std::string());
    fs::create_directories(folder_ / "emptied");
    fs::create_symlink("../blobs/none", folder_ / "emptied/model.safetensors");
    VERIFY_SAYS(error_of(folder_ / "emptied"), "model.safetensors: leads to a file that is not there; download");
    write(folder_ / "shard/config.json", "{}");
    write(folder_ / "shard/model-00001-of-00002.safetensors");
    VERIFY_SAYS(error_of(folder_ / "shard"), "but no model.safetensors.index.json that lists it; fetch the index");
    VERIFY_SAYS(error_of(folder_ / "pickle/model.safetensors"), "is one file of a model; name its folder");
    VERIFY_SAYS(error_of(folder_ / "absent"), "absent: there is no such model folder");
  }

  void names_in_the_cache() {
    const fs::path hub = folder_ / "hub", repository = hub / "models--org--Tiny-1B";
    write(repository / "blobs/1", "{}");
    write(repository / "refs/main", commit + "\n");
    for (const std::string& snapshot : {commit, older}) {
      fs::create_directories(repository / "snapshots" / snapshot);
      fs::create_symlink("../../blobs/1", repository / "snapshots" / snapshot / "config.json");
    }
    write(repository / "snapshots" / commit / "model.safetensors");
    write(repository / "blobs/2", "GGUF");
    fs::create_symlink("../../blobs/2", repository / "snapshots" / older / "tiny.gguf");

    auto check = [&] {
      const ModelFiles found = find_model("org/Tiny-1B");
      QCOMPARE(found.path(), repository / "snapshots" / commit);
      QCOMPARE(found.name, std::string("org/Tiny-1B"));
      QCOMPARE(found.commit, commit);
    };
    ::setenv("HF_HUB_CACHE", hub.c_str(), 1);
    check();
    ::unsetenv("HF_HUB_CACHE");
    ::setenv("HF_HOME", folder_.c_str(), 1);
    check();
    QCOMPARE(find_model(repository).commit, commit);
    QCOMPARE(find_model(repository / "snapshots" / commit).name, std::string("org/Tiny-1B"));
    QCOMPARE(find_model("org/Tiny-1B@" + older).path(), repository / "snapshots" / older / "tiny.gguf");
    VERIFY_SAYS(error_of("org/Tiny-1B@v2"), "has no snapshot of 'v2' among its 2; name one as org/name@commit");
    VERIFY_SAYS(error_of("org/Other"),
                "org/Other: there is no such folder, and no such model in the Hugging Face cache");
    VERIFY_SAYS(error_of("org/Other"), "hf download org/Other");
    VERIFY_SAYS(error_of("org/Tiny-1B@.."), "is no revision's name");
    VERIFY_SAYS(error_of("org/.."), "there is no such model folder");

    write(repository / "refs/main", "../../../elsewhere");
    VERIFY_SAYS(error_of("org/Tiny-1B"), "refs/main: names no commit; download the model again");
    write(repository / "refs/main", std::string(40, 'b'));
    VERIFY_SAYS(error_of("org/Tiny-1B"), "the snapshot that refs/main names is not there");
    fs::remove(repository / "refs/main");
    VERIFY_SAYS(error_of("org/Tiny-1B"), "has no snapshot of 'main' among its 2");
    fs::remove_all(repository / "snapshots" / older);
    QCOMPARE(find_model("org/Tiny-1B").commit, commit);  // the only one
  }

  void the_cache_is_where_hugging_face_has_it() {
    ::setenv("HOME", "/home/someone", 1);
    QCOMPARE(hugging_face_cache(), fs::path("/home/someone/.cache/huggingface/hub"));
    ::setenv("XDG_CACHE_HOME", "/caches", 1);
    QCOMPARE(hugging_face_cache(), fs::path("/caches/huggingface/hub"));
    ::setenv("HF_HOME", "/hf", 1);
    QCOMPARE(hugging_face_cache(), fs::path("/hf/hub"));
    ::setenv("HF_HUB_CACHE", "/cache", 1);
    QCOMPARE(hugging_face_cache(), fs::path("/cache"));
  }
};

QTEST_GUILESS_MAIN(ModelFilesTest)
#include "model_files_test.moc"

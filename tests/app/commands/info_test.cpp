// What `stemma info` says of each kind of file, and of models that lack something.
#include "tests/app/commands/program.h"

using stemma::test::Ran;
using stemma::test::run;

class InfoTest : public QObject {
  Q_OBJECT

  QTemporaryDir folder_;
  QString at(const QString& name) const { return folder_.filePath(name); }

 private slots:
  void initTestCase() {
    QVERIFY(folder_.isValid());
    QDir().mkpath(at("tokenizer"));
    stemma::test::write(at("tokenizer/tokenizer.json"), stemma::test::byte_tokenizer());
    stemma::test::write(at("corpus.jsonl"), stemma::test::sums_corpus(300));
    stemma::test::write(at("train.json"), stemma::test::train_config("tokenizer"));
    const Ran model = run({"train", "--config", at("train.json"), "--corpus", at("corpus.jsonl"), "--out", at("model"),
                           "--device", "cpu"});
    QVERIFY2(model.status == 0, model.error);
    const Ran session = run({"generate", "--model", at("model"), "--prompt", "What is 2 plus 3?", "--out", at("s.h5"),
                             "--max-tokens", "8", "--device", "cpu"});
    QVERIFY2(session.status == 0, session.error);
  }

  void info_tells_each_kind() {
    const auto model = run({"info", at("model"), "--json"}).json();
    QCOMPARE(model["kind"].get<std::string>(), std::string("model"));
    QCOMPARE(model["shape"]["layers"].get<int>(), 2);
    QCOMPARE(model["whole"].get<bool>(), true);
    int64_t parts = 0;
    for (const auto& [name, part] : model["parameters"].items())
      if (name != "total" && part.is_number()) parts += part.get<int64_t>();
    QCOMPARE(parts, model["parameters"]["total"].get<int64_t>());
    QCOMPARE(parts, model["stored_numbers"]["F32"].get<int64_t>());
    QCOMPARE(run({"info", at("s.h5"), "--json"}).json()["traces"].size(), size_t(1));
    QCOMPARE(run({"info", at("model/model.safetensors"), "--json"}).json()["numbers"].get<int64_t>(), parts);
    QCOMPARE(run({"info", at("model/tokenizer.json"), "--json"}).json()["pieces"].get<int>(), 257);
    QVERIFY(run({"info", at("model/tokenizer.json"), "--json"}).json()["bos"].is_null());
    QVERIFY(run({"info", at("model/tokenizer.json")}).out.contains("bos: none, the tokenizer has no such token\n"));
    QCOMPARE(run({"info", at("corpus.jsonl"), "--json"}).json()["sources"]["forum"].get<int>(), 150);
    QCOMPARE(run({"info", at("corpus.jsonl")}).status, 0);
    const Ran devices = run({"info", "--devices"});
    QVERIFY2(devices.status == 0 && devices.out.contains("cpu") && devices.out.contains("cuda"), devices.error);
    const Ran text = run({"info", at("model")});
    QVERIFY2(text.status == 0 && text.out.contains("LlamaForCausalLM"), text.error);
    for (const char* words : {"family: llama\n", "positions: rotary, base 10000\n", "  q8_0:\n    weights: "})
      QVERIFY2(text.out.contains(words), text.out);
    const Ran tensors = run({"info", at("model/model.safetensors")});
    QVERIFY2(tensors.out.contains("  model.embed_tokens.weight: F32 ["), tensors.out);  // as the file spells it
  }

  void info_tells_what_a_model_lacks() {
    QDir().mkpath(at("bare"));
    QVERIFY(QFile::copy(at("model/config.json"), at("bare/config.json")));
    const Ran bare = run({"info", at("bare"), "--json"});
    QVERIFY2(bare.status == 0, bare.error);
    const auto facts = bare.json();
    QCOMPARE(facts["whole"].get<bool>(), false);
    QCOMPARE(facts["missing"].size(), size_t(2));
    QVERIFY(facts["missing"][0].get<std::string>().find("model.safetensors") != std::string::npos);
    QVERIFY(facts["missing"][1].get<std::string>().find("tokenizer.json") != std::string::npos);
    QVERIFY(facts["parameters"]["total"].get<int64_t>() > 0 && !facts.contains("broken"));
    const auto& memory = facts["memory"];
    QCOMPARE(memory["f32"]["weights_bytes"].get<double>(), 4.0 * facts["parameters"]["total"].get<double>());
    for (const char* halved : {"bf16", "f16", "q8_0"})
      QCOMPARE(2 * memory[halved]["cache_of_a_full_context_bytes"].get<double>(),
               memory["f32"]["cache_of_a_full_context_bytes"].get<double>());
    QVERIFY(memory["q8_0"]["weights_bytes"].get<double>() < memory["bf16"]["weights_bytes"].get<double>());

    QDir().mkpath(at("adapter"));
    stemma::test::write(at("adapter/adapter_config.json"), "{}");
    const Ran adapter = run({"info", at("adapter")});
    QVERIFY2(adapter.status == 0 && adapter.out.contains("holds an adapter alone"), adapter.out);
    QVERIFY(run({"generate", "--model", at("adapter"), "--prompt", "a", "--out", at("never.h5")})
                .error.contains("holds an adapter alone (adapter_config.json); merge it"));
  }

  void info_tells_of_every_reference_config() {
    const QDir configs(QStringLiteral(STEMMA_SHARED_DATA "/07_model_configs"));
    if (!configs.exists()) QSKIP("the shared reference data is not on this machine");
    int told = 0, folders = 0;
    for (const QString& name : configs.entryList(QDir::Dirs | QDir::NoDotAndDotDot)) {
      if (!QFile::exists(configs.filePath(name + "/config.json"))) continue;
      ++folders;
      const Ran ran = run({"info", configs.filePath(name), "--json"});
      QVERIFY2(ran.status == 0, qPrintable(name + ": " + ran.error));
      const auto facts = ran.json();
      QVERIFY2(facts.contains("architecture") && facts["whole"] == false && !facts.contains("broken"),
               qPrintable(name));
      QVERIFY2(facts.contains("missing") && (facts.contains("parameters") != facts.contains("unsupported")),
               qPrintable(name));
      ++told;
    }
    const auto thinking = run({"info", configs.filePath("Qwen3-4B-Thinking-2507"), "--json"}).json();
    QCOMPARE(thinking["reasoning"]["start"].get<std::string>(), std::string("<think>"));
    QVERIFY(thinking["chat_template"]["from"].get<std::string>().ends_with("tokenizer_config.json"));
    qInfo("told of %d of %d reference configs", told, folders);
    QVERIFY(folders > 10);
  }
};

QTEST_GUILESS_MAIN(InfoTest)
#include "info_test.moc"

// What strangers' files and bad luck do: each ends in one sentence that names the place, exit status 1, and no harm.
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "tests/app/commands/program.h"
#include "tests/support/json.h"

using stemma::test::Ran;
using stemma::test::run;

class BadInputTest : public QObject {
  Q_OBJECT

  QTemporaryDir folder_;
  QString at(const QString& name) const { return folder_.filePath(name); }

  QString model_copy(const QString& name) {
    if (!stemma::test::copy_folder(at("model"), at(name))) qFatal("cannot copy the model");
    return at(name);
  }
  Ran generate(const QString& model, const QString& out, const QString& prompt = "What is 2 plus 3?") {
    return run(
        {"generate", "--model", model, "--prompt", prompt, "--out", out, "--max-tokens", "60", "--device", "cpu"});
  }
  static bool one_sentence(const Ran& ran) {
    QByteArray text = ran.error.trimmed();
    if (text.startsWith("cpu: needs ")) text.remove(0, text.indexOf('\n') + 1);  // said before weights are read
    return ran.status == 1 && text.startsWith("stemma: ") && !text.contains('\n') && !text.contains("terminate");
  }

 private slots:
  void initTestCase() {
    QDir().mkpath(at("tokenizer"));
    stemma::test::write(at("tokenizer/tokenizer.json"), stemma::test::byte_tokenizer());
    stemma::test::write(at("corpus.jsonl"), stemma::test::sums_corpus(100));
    stemma::test::write(at("train.json"), stemma::test::train_config("tokenizer"));
    const Ran ran = run({"train", "--config", at("train.json"), "--corpus", at("corpus.jsonl"), "--out", at("model"),
                         "--device", "cpu"});
    QVERIFY2(ran.status == 0, ran.error);
    const Ran made = generate(at("model"), at("good.h5"));
    QVERIFY2(made.status == 0, made.error);
  }

  // A stranger's folder that the program is started in: it may bear the names of libraries.
  void libraries_of_the_current_folder() {
    QDir().mkpath(at("libraries"));
    for (const char* name : {"libdnnl.so.2", "libhdf5_serial.so.103", "libfmt.so.9", "libc.so.6"})
      stemma::test::write(at("libraries") + "/" + name, "no library");
    QProcess process;
    process.setWorkingDirectory(at("libraries"));
    process.start(STEMMA_PROGRAM, {"--version"});
    QVERIFY(process.waitForFinished());
    QVERIFY2(process.exitCode() == 0, process.readAllStandardError());
  }

  void models_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QByteArray>("says");
    QDir().mkpath(at("empty"));
    QTest::newRow("no folder") << at("nowhere") << QByteArray("nowhere");
    QTest::newRow("empty folder") << at("empty") << QByteArray("config.json");

    auto weights = stemma::test::read(at("model/model.safetensors"));
    stemma::test::write(model_copy("cut") + "/model.safetensors", weights.left(weights.size() - 100));
    QTest::newRow("truncated weights") << at("cut") << QByteArray("model.safetensors");
    QByteArray huge = weights;
    huge[7] = 0x7f;  // the header claims more bytes than any file has
    stemma::test::write(model_copy("huge") + "/model.safetensors", huge);
    QTest::newRow("header beyond the file") << at("huge") << QByteArray("model.safetensors");
    stemma::test::write(model_copy("pointer") + "/model.safetensors",
                        "version https://git-lfs.github.com/spec/v1\noid "
                        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\nsize 269060552\n");
    QTest::newRow("Git-LFS pointer") << at("pointer") << QByteArray("LFS");
    QFile::remove(model_copy("missing") + "/model.safetensors");
    QTest::newRow("missing weights") << at("missing") << QByteArray("model.safetensors");
    QFile::remove(model_copy("shard") + "/model.safetensors");
    stemma::test::write(
        at("shard/model.safetensors.index.json"),
        R"({"metadata":{},"weight_map":{"model.embed_tokens.weight":"model-00001-of-00002.safetensors"}})");
    QTest::newRow("missing shard") << at("shard") << QByteArray("model-00001-of-00002.safetensors");

    const auto config = stemma::test::read(at("model/config.json"));
    stemma::test::write(model_copy("stranger") + "/config.json",
                        QByteArray(config).replace("LlamaForCausalLM", "MambaForCausalLM"));
    QTest::newRow("unknown architecture") << at("stranger") << QByteArray("MambaForCausalLM");
    auto wide = stemma::test::json_of(config.toStdString());
    wide["intermediate_size"] = 96;
    stemma::test::write(model_copy("shapes") + "/config.json", QByteArray::fromStdString(wide.dump()));
    QTest::newRow("wrong shapes") << at("shapes") << QByteArray("model.layers.0.mlp");
    stemma::test::write(model_copy("nojson") + "/config.json", "{ layers: ");
    QTest::newRow("config is not JSON") << at("nojson") << QByteArray("config.json");
    auto tokenizer = stemma::test::json_of(stemma::test::byte_tokenizer().toStdString());
    tokenizer["added_tokens"].push_back(tokenizer["added_tokens"][0]);
    tokenizer["added_tokens"][1]["id"] = 257;
    tokenizer["added_tokens"][1]["content"] = "<|more|>";
    tokenizer["model"]["vocab"]["<|more|>"] = 257;
    stemma::test::write(model_copy("tokens") + "/tokenizer.json", QByteArray::fromStdString(tokenizer.dump()));
    QTest::newRow("tokenizer beyond the embedding") << at("tokens") << QByteArray("tokenizer");
    QFile::remove(model_copy("wordless") + "/tokenizer.json");
    QTest::newRow("no tokenizer") << at("wordless") << QByteArray("tokenizer.json");
  }
  void models() {
    QFETCH(QString, name);
    QFETCH(QByteArray, says);
    const Ran ran = generate(name, at("never.h5"));
    QVERIFY2(one_sentence(ran) && ran.error.contains(says), ran.error);
    QVERIFY(ran.error.contains(name.toUtf8()));
    // What is absent or foreign is told; what is damaged is a failure too.
    const Ran told = run({"info", name});
    QVERIFY2(one_sentence(told) || (told.status == 0 && told.out.contains("whole: no")), told.error);
    QVERIFY2(told.error.contains(says) || told.out.contains(says), told.out);
    QVERIFY(!QFile::exists(at("never.h5")) && !QFile::exists(at("never.h5.running")) &&
            !QFile::exists(at("never.activations.h5")));
  }

  void real_awkward_models() {
    const QString shared = QStringLiteral(STEMMA_SHARED_DATA "/06_safetensors_gguf_edge/");
    if (!QDir(shared).exists()) QSKIP("the shared reference data is not on this machine");
    for (const auto& [name, says] : {std::pair{"git_lfs_pointer", "config.json"},
                                     {"sharded_missing_shards", "config.json"},
                                     {"unknown_architecture", "config.json"}}) {
      const Ran ran = generate(shared + name, at("never.h5"));
      QVERIFY2(one_sentence(ran) && ran.error.contains(says), ran.error);
    }
    const Ran pointer = run({"info", shared + "git_lfs_pointer/model.safetensors"});
    QVERIFY2(one_sentence(pointer) && pointer.error.contains("LFS"), pointer.error);
  }

  void prompts() {
    for (const QString& prompt : {QString(""), QString("  \n")}) {
      const Ran empty = generate(at("model"), at("never.h5"), prompt);
      QVERIFY2(one_sentence(empty) && empty.error.contains("empty"), empty.error);
    }
    const Ran longer = generate(at("model"), at("never.h5"), QString("long ").repeated(100));
    QVERIFY2(one_sentence(longer) && longer.error.contains("500") && longer.error.contains("128"), longer.error);
    stemma::test::write(at("prompts.jsonl"), "{\"prompt\": \"fine\"}\n{\"text\": \"no prompt\"}\n");
    const Ran line =
        run({"generate", "--model", at("model"), "--prompts", at("prompts.jsonl"), "--out", at("never.h5")});
    QVERIFY2(one_sentence(line) && line.error.contains("prompts.jsonl:2"), line.error);
    QVERIFY(!QFile::exists(at("never.h5")) && !QFile::exists(at("never.h5.running")));
  }

  void sessions() {
    stemma::test::write(at("text.h5"), "this is no HDF5 file at all, only words\n");
    stemma::test::write(at("short.h5"), stemma::test::read(at("good.h5")).left(3000));
    for (const char* name : {"nowhere.h5", "text.h5", "short.h5"}) {
      const Ran ran = run({"show", at(name)});
      QVERIFY2(one_sentence(ran) && ran.error.contains(name), ran.error);
      const Ran scan = run({"attribute", at(name), "--corpus", at("corpus.jsonl"), "--device", "cpu"});
      QVERIFY2(one_sentence(scan) && scan.error.contains(name), scan.error);
    }
    const QByteArray before = stemma::test::read(at("text.h5"));
    QVERIFY(one_sentence(generate(at("model"), at("text.h5"))));
    QCOMPARE(stemma::test::read(at("text.h5")), before);
  }

  void newer_session_and_foreign_file() {
    const auto python = [&](const QString& code) {
      return run({"-c", "import h5py\n" + code}, {}, qEnvironmentVariable("STEMMA_PYTHON", "python3"));
    };
    QVERIFY(QFile::copy(at("good.h5"), at("newer.h5")));
    const Ran made =
        python(QString("f = h5py.File('%1', 'r+')\nf.attrs['version'] = 99\ng = h5py.File('%2', 'w')\ng['x'] = 1")
                   .arg(at("newer.h5"), at("foreign.h5")));
    if (made.status != 0) QSKIP("python3 with h5py, which makes the file, is not installed");
    const Ran newer = run({"show", at("newer.h5")});
    QVERIFY2(one_sentence(newer) && newer.error.contains("newer.h5") && newer.error.contains("99"), newer.error);
    const QByteArray before = stemma::test::read(at("newer.h5"));
    QVERIFY(one_sentence(generate(at("model"), at("newer.h5"))));
    QCOMPARE(stemma::test::read(at("newer.h5")), before);
    const Ran foreign = run({"show", at("foreign.h5")});
    QVERIFY2(one_sentence(foreign) && foreign.error.contains("foreign.h5"), foreign.error);
    const Ran told = run({"info", at("foreign.h5")});
    QVERIFY2(one_sentence(told) && told.error.contains("another program"), told.error);
  }

  void a_fit_writes_over_nothing_else() {
    for (const char* name : {"good.h5", "corpus.jsonl", "model/config.json"}) {
      const QByteArray before = stemma::test::read(at(name));
      const Ran ran =
          run({"fit", "--model", at("model"), "--corpus", at("corpus.jsonl"), "--out", at(name), "--device", "cpu"});
      QVERIFY2(one_sentence(ran) && ran.error.contains(name) && ran.error.contains("--out"), ran.error);
      QCOMPARE(stemma::test::read(at(name)), before);
    }
    stemma::test::write(at("place.h5"), "");
    for (int time = 0; time < 2; ++time) {  // into an empty file, and over factors
      const Ran ran = run(
          {"fit", "--model", at("model"), "--corpus", at("corpus.jsonl"), "--out", at("place.h5"), "--device", "cpu"});
      QVERIFY2(ran.status == 0, ran.error);
    }
  }

  void corpora() {
    stemma::test::write(
        at("broken.jsonl"),
        "{\"text\": \"What is 1 plus 1?\"}\nnot json\n{\"text\": \"What is 2 plus 2?\"}\n{\"words\": 3}\n");
    const Ran told = run({"fit", "--model", at("model"), "--corpus", at("broken.jsonl"), "--out", at("few.h5"),
                          "--device", "cpu", "--json"});
    QVERIFY2(told.status == 0, told.error);
    QVERIFY2(told.error.contains("2 broken lines") && told.error.contains("broken.jsonl:2"), told.error);
    QCOMPARE(told.json()["corpus"]["broken"].get<int>(), 2);
    QCOMPARE(told.json()["documents"].get<int>(), 2);

    stemma::test::write(at("hopeless.jsonl"), "not json\n");
    stemma::test::write(at("cut.jsonl.gz"), QByteArray::fromHex("1f8b0800000000000003abae"));
    for (const char* name : {"hopeless.jsonl", "cut.jsonl.gz", "nowhere.jsonl"}) {
      const Ran ran =
          run({"fit", "--model", at("model"), "--corpus", at(name), "--out", at("never.h5"), "--device", "cpu"});
      QVERIFY2(one_sentence(ran) && ran.error.contains(name), ran.error);
    }
    QVERIFY(!QFile::exists(at("never.h5")));
  }

  void factors_of_another_model() {
    auto other = stemma::test::json_of(stemma::test::train_config("tokenizer").toStdString());
    other["seed"] = 4;
    other["passes"] = 0.5;
    stemma::test::write(at("other.json"), QByteArray::fromStdString(other.dump()));
    QCOMPARE(run({"train", "--config", at("other.json"), "--corpus", at("corpus.jsonl"), "--out", at("other"),
                  "--device", "cpu"})
                 .status,
             0);
    QCOMPARE(
        run({"fit", "--model", at("other"), "--corpus", at("corpus.jsonl"), "--out", at("other.h5"), "--device", "cpu"})
            .status,
        0);
    const Ran factors = run(
        {"attribute", at("good.h5"), "--corpus", at("corpus.jsonl"), "--factors", at("other.h5"), "--device", "cpu"});
    QVERIFY2(one_sentence(factors) && factors.error.contains("other.h5"), factors.error);
    const Ran model =
        run({"attribute", at("good.h5"), "--corpus", at("corpus.jsonl"), "--model", at("other"), "--device", "cpu"});
    QVERIFY2(one_sentence(model) && model.error.contains("another model"), model.error);
  }

  void train_configs() {
    stemma::test::write(at("typo.json"), stemma::test::train_config("tokenizer").replace("\"passes\"", "\"passess\""));
    stemma::test::write(at("words.json"), "train it well\n");
    for (const auto& [name, says] :
         {std::pair{"typo.json", "passess"}, {"words.json", "JSON"}, {"nowhere.json", "nowhere.json"}}) {
      const Ran ran =
          run({"train", "--config", at(name), "--corpus", at("corpus.jsonl"), "--out", at("never"), "--device", "cpu"});
      QVERIFY2(one_sentence(ran) && ran.error.contains(says), ran.error);
    }
    QVERIFY(!QFile::exists(at("never")));
  }

  // A limit on the size of files stands for a full disk: the same calls fail, with no need of a disk to fill.
  void full_disk_data() {
    QTest::addColumn<int>("bytes");
    for (const int bytes : {200, 3000, 30'000}) QTest::newRow(qPrintable(QString::number(bytes))) << bytes;
  }
  void full_disk() {
    QFETCH(int, bytes);
    const QString out = at(QString("full%1.h5").arg(bytes));
    QVERIFY(QFile::copy(at("good.h5"), out));
    const QByteArray before = stemma::test::read(out);
    QProcess process;
    process.setChildProcessModifier([bytes] {
      const rlimit limit{static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
      setrlimit(RLIMIT_FSIZE, &limit);
    });
    process.start(STEMMA_PROGRAM, {"generate", "--model", at("model"), "--prompt", "What is 2 plus 3?", "--out", out,
                                   "--max-tokens", "100", "--device", "cpu"});
    QVERIFY(process.waitForFinished(60'000));
    const QByteArray error = process.readAllStandardError();
    QVERIFY2(process.exitStatus() == QProcess::NormalExit && process.exitCode() == 1, error);
    QVERIFY2(error.trimmed().split('\n').last().startsWith("stemma: "), error);
    QVERIFY2(error.contains(QString("full%1").arg(bytes).toUtf8()), error);
    QCOMPARE(stemma::test::read(out), before);
    const Ran shown = run({"show", out});
    QVERIFY2(shown.status == 0, shown.error);
  }

  void full_standard_output() {
    if (!QFile::exists("/dev/full")) QSKIP("this system has no /dev/full");
    QProcess process;
    process.setStandardOutputFile("/dev/full");
    process.start(STEMMA_PROGRAM, {"show", at("good.h5")});
    QVERIFY(process.waitForFinished(60'000));
    QCOMPARE(process.exitCode(), 1);
    QVERIFY(process.readAllStandardError().startsWith("stemma: standard output"));
  }

  void kill_keeps_finished_steps_data() {
    QTest::addColumn<bool>("exists");
    QTest::newRow("first trace of a new session") << false;
    QTest::newRow("further trace of a session") << true;
  }
  void kill_keeps_finished_steps() {
    QFETCH(bool, exists);
    const QString out = at(exists ? "killed_again.h5" : "killed.h5");
    const QString log = out + ".running", activations = out.chopped(3) + ".activations.h5";
    Ran shown;
    qsizetype logged = 0;
    bool midway = false;
    for (int attempt = 0; attempt < 10 && !midway; ++attempt) {  // it is over in milliseconds, at times too soon
      for (const QString& file : {out, log, activations}) QFile::remove(file);
      if (exists) QVERIFY(QFile::copy(at("good.h5"), out) && QFile::copy(at("good.activations.h5"), activations));
      QProcess process;
      process.start(STEMMA_PROGRAM, {"generate", "--model", at("model"), "--prompt", "What is 2 plus 3?", "--out", out,
                                     "--max-tokens", "110", "--temperature", "3", "--seed", "2", "--device", "cpu"});
      QVERIFY(process.waitForStarted());
      QByteArray seen;
      for (int i = 0; i < 20'000 && seen.count('\n') < 40 && process.state() == QProcess::Running; ++i) {
        QTest::qSleep(1);
        seen = stemma::test::read(log);
      }
      kill(static_cast<pid_t>(process.processId()), SIGKILL);
      QVERIFY(process.waitForFinished(10'000));
      if (!QFile::exists(log)) continue;
      logged = stemma::test::read(log).count('\n');
      shown = run({"show", out, "--json"});
      QVERIFY2(shown.status == 0, shown.error);
      midway = !shown.json()["traces"].back()["completed"].get<bool>();
    }
    if (!midway) QSKIP("the generation was always over before it could be killed");
    const auto traces = shown.json()["traces"];
    QCOMPARE(traces.size(), size_t(exists ? 2 : 1));
    const auto& trace = traces.back();
    QCOMPARE(trace["completed"].get<bool>(), false);
    QCOMPARE(trace["stop_reason"].get<std::string>(), std::string("interrupted"));
    QVERIFY2(trace["tokens"].get<int>() > trace["prompt_tokens"].get<int>(), shown.out);
    QVERIFY(trace["tokens"].get<int>() <= trace["prompt_tokens"].get<int>() + logged);
    QVERIFY(!trace["steps"].empty());
    QVERIFY(run({"info", out}).out.contains("recovered"));

    // The session goes on, and what was recovered stays in it.
    const Ran more = generate(at("model"), out);
    QVERIFY2(more.status == 0, more.error);
    const auto after = run({"show", out, "--json"}).json()["traces"];
    QCOMPARE(after.size(), traces.size() + 1);
    QCOMPARE(after[traces.size() - 1]["text"], trace["text"]);
    QVERIFY(!QFile::exists(log));
  }
};

QTEST_GUILESS_MAIN(BadInputTest)
#include "bad_input_test.moc"

// The command line as a person uses it: train, generate, fit, attribute, show, tokenize; and its exit statuses.
#include <csignal>

#include "tests/app/commands/program.h"

using stemma::test::Ran;
using stemma::test::run;

class CommandsTest : public QObject {
  Q_OBJECT

  QTemporaryDir folder_;
  QString at(const QString& name) const { return folder_.filePath(name); }

  // A session with one finished trace; made once.
  QString session() {
    const QString path = at("shared.h5");
    if (!QFile::exists(path)) {
      const Ran ran = run({"generate", "--model", at("model"), "--prompt", "What is 2 plus 3?", "--out", path,
                           "--max-tokens", "70", "--device", "cpu"});
      if (ran.status != 0) qFatal("%s", ran.error.constData());
    }
    return path;
  }

 private slots:
  void initTestCase() {
    QVERIFY(folder_.isValid());
    QDir().mkpath(at("tokenizer"));
    stemma::test::write(at("tokenizer/tokenizer.json"), stemma::test::byte_tokenizer());
    stemma::test::write(at("corpus.jsonl"), stemma::test::sums_corpus(300));
    stemma::test::write(at("train.json"), stemma::test::train_config("tokenizer"));
    const Ran ran = run({"train", "--config", at("train.json"), "--corpus", at("corpus.jsonl"), "--out", at("model"),
                         "--json", "--every", "10", "--device", "cpu"});
    QVERIFY2(ran.status == 0, ran.error);
    const auto curve = ran.json()["curve"];
    QVERIFY(curve.size() >= 2);
    QVERIFY(curve.back()["loss"].get<double>() < 0.5 * curve.front()["loss"].get<double>());
    QVERIFY(ran.error.contains("nats/token"));
    QVERIFY(QFile::exists(at("model/config.json")) && QFile::exists(at("model/tokenizer.json")));
  }

  void help_and_version() {
    const Ran help = run({"--help"});
    QCOMPARE(help.status, 0);
    for (const char* name : {"generate", "fit", "attribute", "show", "export", "train", "info", "tokenize"}) {
      QVERIFY2(help.out.contains(name), name);
      const Ran one = run({name, "--help"});
      QVERIFY2(one.status == 0 && (one.out.contains("--") || QByteArray(name) == "export"), name);
    }
    const Ran version = run({"--version"});
    QCOMPARE(version.status, 0);
    QVERIFY(version.out.startsWith("stemma "));
  }

  void wrong_usage_data() {
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<QByteArray>("names");
    QTest::newRow("near command") << QStringList{"generat"} << QByteArray("generate");
    QTest::newRow("later command") << QStringList{"trian", "--config", "x"} << QByteArray("train");
    QTest::newRow("unknown option") << QStringList{"--frobnicate"} << QByteArray("--frobnicate");
    QTest::newRow("unknown option of a command")
        << QStringList{"show", "s.h5", "--frobnicate"} << QByteArray("--frobnicate");
    QTest::newRow("no model") << QStringList{"generate", "--prompt", "x", "--out", "s.h5"} << QByteArray("--model");
    QTest::newRow("no prompt") << QStringList{"generate", "--model", at("model"), "--out", "s.h5"}
                               << QByteArray("--prompt");
    QTest::newRow("no out") << QStringList{"generate", "--model", at("model"), "--prompt", "x"} << QByteArray("--out");
    QTest::newRow("two prompts") << QStringList{"generate",  "--model", at("model"), "--prompt", "x",
                                                "--prompts", "f",       "--out",     "s.h5"}
                                 << QByteArray("--prompts");
    QTest::newRow("no number") << QStringList{"generate", "--model", at("model"),    "--prompt", "x",
                                              "--out",    "s.h5",    "--max-tokens", "many"}
                               << QByteArray("many");
    QTest::newRow("too small a number") << QStringList{"generate", "--model", at("model"),    "--prompt", "x",
                                                       "--out",    "s.h5",    "--max-tokens", "0"}
                                        << QByteArray("--max-tokens: 0 is less than 1;");
    QTest::newRow("a negative step") << QStringList{"show", "s.h5", "--step", "-2"}
                                     << QByteArray("--step: -2 is less than 0;");
    QTest::newRow("no device") << QStringList{"generate", "--model", at("model"), "--prompt", "x",
                                              "--out",    "s.h5",    "--device",  "tpu"}
                               << QByteArray("tpu");
    QTest::newRow("same samples") << QStringList{"generate", "--model", at("model"), "--prompt", "x",
                                                 "--out",    "s.h5",    "--samples", "2"}
                                  << QByteArray("--temperature");
    QTest::newRow("no site") << QStringList{"generate", "--model",  at("model"), "--prompt",       "x",
                                            "--out",    at("s.h5"), "--capture", "blocks.9.hook_q"}
                             << QByteArray("blocks.9.hook_q");
    QTest::newRow("no method") << QStringList{"attribute", "s.h5", "--corpus", "c", "--method", "guess"}
                               << QByteArray("guess");
    QTest::newRow("precision of one stage")
        << QStringList{"attribute", "s.h5", "--corpus", "c", "--precision", "bf16"} << QByteArray("--rank");
    QTest::newRow("a plan's precision without a rank")
        << QStringList{"plan", "--model", "m", "--corpus", "c", "--precision", "bf16"} << QByteArray("--rank");
    QTest::newRow("no corpus") << QStringList{"fit", "--model", at("model"), "--out", "f.h5"} << QByteArray("--corpus");
    QTest::newRow("nothing to tell of") << QStringList{"info"} << QByteArray("--devices");
  }
  void wrong_usage() {
    QFETCH(QStringList, arguments);
    QFETCH(QByteArray, names);
    const Ran ran = run(arguments);
    QVERIFY2(ran.status == 2, ran.error);
    QVERIFY2(ran.sentence().startsWith("stemma: ") && ran.sentence().contains(names), ran.error);
    QVERIFY(ran.out.isEmpty());
  }

  void tokenize_and_back() {
    const QByteArray text = "1 + 2 = 3\n\xc3\xa9";
    const Ran ids = run({"tokenize", "--model", at("model")}, text);
    QCOMPARE(ids.status, 0);
    const Ran back = run({"tokenize", "--model", at("model/tokenizer.json"), "--decode"}, ids.out);
    QCOMPARE(back.out, text);
    const auto json = run({"tokenize", "--model", at("model"), "--json"}, text).json();
    QCOMPARE(json["ids"].size(), size_t(text.size()));
    QCOMPARE(json["offsets"].back().get<size_t>(), size_t(text.size()));
    const Ran bad = run({"tokenize", "--model", at("model"), "--decode"}, "1 2 999999");
    QCOMPARE(bad.status, 1);
    QVERIFY2(bad.sentence().contains("999999"), bad.error);
  }

  void dry_runs_write_nothing() {
    const QString out = at("dry.h5");
    const auto plan = run({"generate", "--model", at("model"), "--prompt", "What is 2 plus 3?", "--no-think", "--out",
                           out, "--dry-run", "--json"})
                          .json();
    QCOMPARE(plan["prompts"][0]["rendered"].get<std::string>().find("What is 2 plus 3?"), size_t(0));
    QVERIFY(plan["prompts"][0]["tokens"].size() > 17);
    QVERIFY(plan["model_bytes"].get<double>() == 4 * plan["parameters"].get<double>());
    QCOMPARE(plan["together"].get<int>(), 1);
    QVERIFY(plan["device"]["total_bytes"].get<double>() > plan["model_bytes"].get<double>());
    const auto several = run({"generate", "--model", at("model"), "--prompt", "What is 2 plus 3?", "--no-think", "--out",
                              out, "--samples", "9", "--temperature", "1", "--together", "4", "--dry-run", "--json"})
                             .json();
    QCOMPARE(several["together"].get<int>(), 4);  // and the latest prompt's
    QCOMPARE(several["cache_bytes"].get<double>(), 5 * plan["cache_bytes"].get<double>());
    const auto halved = run({"generate", "--model", at("model"), "--prompt", "What is 2 plus 3?", "--no-think", "--out",
                             out, "--dtype", "bf16", "--dry-run", "--json"})
                            .json();
    QCOMPARE(2 * halved["cache_bytes"].get<double>(), plan["cache_bytes"].get<double>());
    const Ran fit =
        run({"fit", "--model", at("model"), "--corpus", at("corpus.jsonl"), "--dry-run", "--device", "cpu", "--json"});
    QVERIFY2(fit.status == 0 && fit.json()["seconds"].get<double>() > 0 && fit.json()["corpus"]["documents"] == 300,
             fit.error);
    const auto planned =
        run({"plan", "--model", at("model"), "--corpus", at("corpus.jsonl"), "--device", "cpu", "--json"}).json();
    QCOMPARE(fit.json()["tokens"], planned["tokens"]);
    const QString traced = session();
    const QByteArray before = stemma::test::read(traced);
    const Ran scan =
        run({"attribute", traced, "--corpus", at("corpus.jsonl"), "--dry-run", "--device", "cpu", "--json"});
    QVERIFY2(scan.status == 0 && scan.json()["scan_seconds"].get<double>() > 0 &&
                 scan.json()["fit_seconds"].get<double>() > 0,
             scan.error);
    const auto steps = scan.json()["steps"].get<int>();
    QVERIFY(steps > 0);
    for (const auto& [how, queries] : {std::pair(QStringList(), steps),
                                       {QStringList{"--method", "gradient"}, steps},
                                       {QStringList{"--top", "0"}, steps},
                                       {QStringList{"--rank", "4"}, steps},
                                       {QStringList{"--trace", "t001", "--span", "20-24", "--against", "9"}, 1}}) {
      const Ran dry = run(
          QStringList{"attribute", traced, "--corpus", at("corpus.jsonl"), "--dry-run", "--device", "cpu", "--json"} +
          how);
      QVERIFY2(dry.status == 0 && dry.json()["scan_seconds"].get<double>() > 0, dry.error);
      QCOMPARE(dry.json()["measured_queries"].get<int>(), queries);  // few numbers: all of them
      QCOMPARE(dry.json()["fit_seconds"].is_null(), how.contains("gradient"));
    }
    QVERIFY(run({"attribute", traced, "--corpus", at("corpus.jsonl"), "--dry-run", "--rank", "4", "--trace", "t001",
                 "--span", "20-24", "--against", "9"})
                .error.contains("a contrast is scanned at full rank"));
    const Ran train = run({"train", "--config", at("train.json"), "--corpus", at("corpus.jsonl"), "--dry-run",
                           "--device", "cpu", "--json"});
    QVERIFY2(train.status == 0 && train.json()["steps"].get<int>() > 1, train.error);
    QVERIFY(!QFile::exists(out));
    QCOMPARE(stemma::test::read(traced), before);
    QVERIFY(!QFile::exists(at("shared.factors.h5")));
  }

  void a_plan_tells_each_stage() {
    const QStringList plan = {"plan",     "--model", at("model"), "--corpus", at("corpus.jsonl"),
                              "--device", "cpu",     "--json",    "--queries"};
    const Ran ran = run(plan + QStringList{"3"});
    QVERIFY2(ran.status == 0, ran.error);
    const auto facts = ran.json();
    QCOMPARE(facts["stages"].size(), size_t(5));
    for (const auto& stage : facts["stages"])
      QVERIFY(stage["memory_bytes"].get<double>() > 0 && stage["seconds"].get<double>() > 0);
    QCOMPARE(facts["tracked"].get<double>(), 2.0 * (4 * 32 * 32 + 3 * 32 * 64));
    QCOMPARE(facts["scores_bytes"].get<double>(), 4.0 * 3 * 300);
    const Ran twice = run(plan + QStringList{"3", "--rank", "4"});
    QVERIFY2(twice.status == 0, twice.error);
    QCOMPARE(twice.json()["stages"].size(), size_t(6));
    QCOMPARE(twice.json()["stages"][5]["stage"].get<std::string>(), std::string("re-score, at most"));
    QVERIFY(twice.json()["stages"][5]["seconds"].get<double>() > 0);
    const Ran beyond = run(plan + QStringList{"1000000000"});
    QCOMPARE(beyond.status, 1);
    QVERIFY2(beyond.sentence().contains("at once would fit"), beyond.error);
  }

  void says_why_nothing_was_checked() {
    const QString out = at("unchecked.h5");
    const Ran made = run({"generate", "--model", at("model"), "--prompt", "What is 2 plus 3?", "--out", out,
                          "--capture", "blocks.0.hook_resid_mid", "--max-tokens", "4", "--device", "cpu", "--json"});
    QVERIFY2(made.status == 0 && made.json()["traces"][0]["capture_check"].is_null(), made.error);
    QVERIFY(run({"show", out}).out.contains("check: none was made"));
    QVERIFY(!run({"show", session()}).out.contains("check: none"));
  }

  // An index answers without the corpus: steps, a span, one token, a contrast; and is held against the scan.
  void index_answers_questions() {
    const QString out = at("indexed.h5"), index = at("sums.index.h5"), factors = at("sums.factors.h5");
    QFile::copy(session(), out);
    QCOMPARE(run({"fit", "--model", at("model"), "--corpus", at("corpus.jsonl"), "--out", factors, "--device", "cpu"}).status, 0);
    const QStringList build = {"index", "--model", at("model"), "--corpus", at("corpus.jsonl"), "--factors", factors,
                               "--out", index, "--device", "cpu", "--json"};
    const Ran planned = run(build + QStringList{"--dry-run"});
    QVERIFY2(planned.status == 0 && planned.json()["disk_bytes"] > 0, planned.error);
    QVERIFY(!QFile::exists(index));
    const Ran built = run(build);
    QVERIFY2(built.status == 0 && built.json()["documents"] == 300 && built.json()["added"] == 300, built.error);
    QCOMPARE(run(build).json()["added"].get<int>(), 0);
    const auto facts = run({"info", index, "--json"}).json();
    QCOMPARE(facts["kind"].get<std::string>(), std::string("index of documents"));
    QCOMPARE(facts["documents"].get<int>(), 300);
    QCOMPARE(facts["bytes"], built.json()["bytes"]);
    const Ran part = run({"info", at("sums.index.0001.h5")});
    QVERIFY2(part.status == 1 && part.error.contains("a part of an index"), part.error);

    const QStringList asked = {"attribute", out, "--index", index, "--factors", factors, "--device", "cpu", "--json"};
    const Ran steps = run(asked + QStringList{"--rescore", "100", "--check"});
    QVERIFY2(steps.status == 0, steps.error);
    QCOMPARE(steps.json()["tables"][0]["searched"].get<int>(), 300);
    QVERIFY(steps.json()["tables"][0]["additivity"].get<double>() < 1e-4);
    QCOMPARE(steps.json()["check"]["k"].get<int>(), 100);
    QVERIFY2(steps.json()["check"]["recall"].get<double>() > 0.7, steps.out);
    const Ran token = run(asked + QStringList{"--trace", "t001", "--span", "19"});
    QVERIFY2(token.status == 0, token.error);
    QCOMPARE(token.json()["tables"][0]["method"].get<std::string>(), std::string("ekfac of token 19"));
    const Ran contrast = run(asked + QStringList{"--trace", "t001", "--span", "19-20", "--against", "9"});
    QVERIFY2(contrast.status == 0, contrast.error);
    QVERIFY(contrast.json()["tables"][0]["additivity"].is_null());
    const Ran shown = run({"show", out, "--trace", "t001"});
    for (const char* words : {"ekfac of token 19", "ekfac of tokens 19-20 against '9'", "from index", "scored exactly"})
      QVERIFY2(shown.out.contains(words), words);

    for (const QStringList& wrong :
         {QStringList{"--span", "x", "--trace", "t001"}, QStringList{"--span", "3-", "--trace", "t001"},
          QStringList{"--span", "3"}, QStringList{"--against", "9"}, QStringList{"--dry-run"},
          QStringList{"--trace", "t001", "--span", "19", "--against", ""}})
      QVERIFY2(run(asked + wrong).status == 2, wrong.join(' ').toUtf8());
    QCOMPARE(run({"attribute", out, "--trace", "t001"}).status, 2);
    QCOMPARE(run({"attribute", out, "--trace", "t001", "--index", factors, "--factors", factors}).status, 1);
  }

  void from_prompt_to_documents() {
    const QString out = at("chain.h5");
    stemma::test::write(
        at("prompts.jsonl"),
        "{\"prompt\": \"What is 2 plus 3?\", \"id\": \"two-three\", \"answer\": 5}\n\n{\"prompt\": \"What is 4 plus 1?\"}\n");
    const Ran made =
        run({"generate", "--model", at("model"), "--prompts", at("prompts.jsonl"), "--out", out, "--temperature", "0.5",
             "--samples", "2", "--seed", "5", "--max-tokens", "80", "--device", "cpu", "--json"});
    QVERIFY2(made.status == 0, made.error);
    const auto traces = made.json()["traces"];
    QCOMPARE(traces.size(), size_t(4));
    QCOMPARE(traces[0]["prompt_id"].get<std::string>(), std::string("two-three"));
    QCOMPARE(traces[1]["seed"].get<int>(), 6);
    QVERIFY(traces[0]["steps"].size() >= 2);
    QVERIFY2(made.error.contains("What is 4 plus 1?"), "tokens are streamed to standard error");
    QVERIFY2(made.error.startsWith("cpu: needs "), "says what memory it takes before it reads weights");

    const Ran first = run({"attribute", out, "--corpus", at("corpus.jsonl"), "--trace", "t002", "--top", "7",
                           "--device", "cpu", "--json"});
    QVERIFY2(first.status == 0, first.error);
    QVERIFY2(first.error.contains("chain.factors.h5"), "says that it fits factors, and where");
    QCOMPARE(first.json()["tables"].size(), size_t(1));
    QVERIFY(first.json()["tables"][0]["additivity"].get<double>() < 1e-4);
    const Ran rest = run({"attribute", out, "--corpus", at("corpus.jsonl"), "--device", "cpu", "--json"});
    QVERIFY2(rest.status == 0 && rest.json()["tables"].size() == 3, rest.error);
    const Ran gradient = run({"attribute", out, "--corpus", at("corpus.jsonl"), "--trace", "t001", "--method",
                              "gradient", "--sample", "100", "--device", "cpu", "--json"});
    QVERIFY2(gradient.status == 0 && gradient.json()["tables"][0]["documents"] == 100, gradient.error);

    const QStringList again = {"attribute", out,    "--corpus",    at("corpus.jsonl"),
                               "--trace",   "t001", "--method",    "gradient",
                               "--rank",    "4",    "--precision", "bf16",
                               "--rescore", "10",   "--top",       "5",
                               "--sample",  "100",  "--device",    "cpu"};
    const Ran stages = run(again + QStringList{"--json"});
    QVERIFY2(stages.status == 0, stages.error);
    const auto first_stage = stages.json()["tables"][0]["first_stage"];
    QCOMPARE(first_stage["precision"].get<std::string>(), std::string("bf16"));
    QVERIFY(first_stage["recall_at_100"].get<double>() > 0.5);
    QVERIFY(run(again).out.contains("at rank 4 in bf16"));
    QVERIFY(run({"show", out, "--trace", "t001"}).out.contains("rounded to bf16"));

    const auto shown = run({"show", out, "--trace", "t002", "--documents", "3", "--tokens", "--json"}).json();
    QCOMPARE(shown["traces"].size(), size_t(1));
    const auto& trace = shown["traces"][0];
    QCOMPARE(trace["expected"].get<std::string>(), std::string("5"));
    QCOMPARE(trace["right"].get<bool>(), trace["answer"] == "5");
    QCOMPARE(trace["activations"].size(), size_t(2));
    QCOMPARE(trace["tables"][0]["corpus_documents"].get<int>(), 300);
    int rows = 0;
    for (const auto& step : trace["steps"]) {
      if (!step.contains("influence")) continue;
      ++rows;
      const auto& influence = step["influence"]["ekfac"];
      QCOMPARE(influence["certain"].get<bool>(), influence["nats"].get<double>() < 0.1f);
      QVERIFY(influence["proponents"].size() + influence["opponents"].size() > 0);
      for (const auto& document : influence["proponents"]) {
        QVERIFY(document["score"].get<double>() > 0);
        QVERIFY(document["text"].get<std::string>().starts_with("What is"));
        const double score = document["score"].get<double>();
        for (const char* part : {"score", "predicted"}) {
          double tokens = 0;
          for (const auto& token : document["tokens"]) tokens += token[part].get<double>();
          QVERIFY2(std::abs(tokens - score) <= 1e-3 * std::abs(score) + 1e-9, "tokens add up to the document");
        }
      }
    }
    QCOMPARE(rows, int(traces[1]["steps"].size()) - 1);

    const Ran text = run({"show", out, "--trace", "t001", "--step", "1"});
    QCOMPARE(text.status, 0);
    for (const char* word : {"t001", "step 1", "nats", "per nat", "by ekfac", "by gradient",
                             "corpus.jsonl:", "activations recorded", "add up"})
      QVERIFY2(text.out.contains(word), word);
    QVERIFY(!text.out.contains("step 2  ") && !text.out.contains("predicted"));
    const QByteArray tokens = run({"show", out, "--trace", "t001", "--step", "1", "--tokens"}).out;
    QVERIFY(tokens.contains("          read       \"") && tokens.contains("          predicted  \""));
    QCOMPARE(run({"show", out, "--trace", "t009"}).status, 1);
    QCOMPARE(run({"show", out, "--trace", "t001", "--step", "99"}).status, 1);
  }

  void same_seed_same_text() {
    const auto texts = [&](const char* name, const char* together) {
      std::vector<std::string> texts;
      const auto facts = run({"generate", "--model", at("model"), "--prompt", "What is 1 plus 1?", "--out", at(name),
                              "--temperature", "0.9", "--seed", "11", "--max-tokens", "40", "--capture", "none",
                              "--device", "cpu", "--samples", "5", "--together", together, "--json"})
                             .json();
      for (const auto& trace : facts["traces"]) texts.push_back(trace["text"].get<std::string>());
      return texts;
    };
    QCOMPARE(texts("seed1.h5", "1").size(), size_t(5));
    QCOMPARE(texts("seed1.h5", "1"), texts("seed2.h5", "3"));
    QVERIFY(!QFile::exists(at("seed1.activations.h5")));
  }

  void fitted_factors_are_used() {
    const Ran fit = run({"fit", "--model", at("model"), "--corpus", at("corpus.jsonl"), "--sample", "150", "--out",
                         at("factors.h5"), "--device", "cpu", "--json"});
    QVERIFY2(fit.status == 0 && fit.json()["documents"] == 150 && fit.json()["layers"] == 14, fit.error);
    const auto facts = run({"info", at("factors.h5"), "--json"}).json();
    QCOMPARE(facts["kind"].get<std::string>(), std::string("curvature factors"));
    QCOMPARE(facts["hash"], fit.json()["hash"]);
    const QString copy = at("given.h5");
    QVERIFY(QFile::copy(session(), copy));
    const Ran ran = run({"attribute", copy, "--corpus", at("corpus.jsonl"), "--factors", at("factors.h5"), "--device",
                         "cpu", "--json"});
    QVERIFY2(ran.status == 0 && ran.json()["factors"] == at("factors.h5").toStdString(), ran.error);
    QVERIFY(!QFile::exists(at("given.factors.h5")));

    // Of no document more than its score: what is left out costs nothing, and is told as not measured.
    const QString bare = at("bare.h5");
    QVERIFY(QFile::copy(session(), bare));
    const Ran scored = run({"attribute", bare, "--corpus", at("corpus.jsonl"), "--factors", at("factors.h5"),
                            "--device", "cpu", "--top", "0", "--json"});
    QVERIFY2(scored.status == 0 && !scored.error.contains("documents shown"), scored.error);
    QVERIFY(scored.json()["tables"][0]["additivity"].is_null());
    QVERIFY(ran.json()["tables"][0]["additivity"].get<double>() < 1e-4);
    const auto steps = [&](const QString& at) { return run({"show", at, "--json"}).json()["traces"][0]["steps"]; };
    const auto with = steps(copy), without = steps(bare);
    QCOMPARE(without.size(), with.size());
    for (size_t s = 0; s < with.size(); ++s) {
      if (!with[s].contains("influence")) continue;
      QCOMPARE(without[s]["influence"]["ekfac"]["nats"], with[s]["influence"]["ekfac"]["nats"]);
      QVERIFY(without[s]["influence"]["ekfac"]["proponents"].empty());
    }
    const auto table = [&](const QString& at) { return run({"show", at, "--json"}).json()["traces"][0]["tables"][0]; };
    QCOMPARE(table(bare)["top"].get<int>(), 0);
    QVERIFY(table(bare)["note"].get<std::string>().find("only the scores were kept") != std::string::npos);
    QVERIFY(table(copy)["top"].get<int>() > 0 && !table(copy).contains("note"));
    QVERIFY(run({"show", bare}).out.contains("only the scores were kept"));
    QVERIFY(!run({"show", copy}).out.contains("only the scores were kept"));
  }

  void interrupt_keeps_what_was_written() {
    const QString out = at("stopped.h5");
    QProcess process;
    stemma::test::write(at("many.jsonl"), QByteArray("{\"prompt\": \"What is 2 plus 3?\"}\n").repeated(3000));
    process.start(STEMMA_PROGRAM, {"generate", "--model", at("model"), "--prompts", at("many.jsonl"), "--out", out,
                                   "--device", "cpu", "--max-tokens", "100"});
    QVERIFY(process.waitForStarted());
    while (!QFile::exists(out) && process.state() == QProcess::Running) process.waitForReadyRead(20);
    kill(static_cast<pid_t>(process.processId()), SIGINT);
    QVERIFY(process.waitForFinished(30'000));
    QCOMPARE(process.exitCode(), 130);
    QVERIFY(process.readAllStandardError().contains("stemma: interrupted"));
    const auto shown = run({"show", out, "--json"}).json();
    QVERIFY(shown["traces"].size() >= 1 && shown["traces"].size() < 3000);
    QVERIFY(!QFile::exists(out + ".running"));
  }

  void weights_in_sixteen_bits_write_a_trace_too() {
    const Ran ran = run({"generate", "--model", at("model"), "--prompt", "What is 2 plus 3?", "--out", at("bf16.h5"),
                         "--max-tokens", "5", "--device", "cpu", "--dtype", "bf16", "--json"});
    QVERIFY2(ran.status == 0, ran.error);
    QCOMPARE(ran.json()["traces"].size(), size_t{1});
    const auto check = ran.json()["traces"][0]["capture_check"];
    QVERIFY2(check["tokens"].get<int>() > 5 && check["nats"].get<double>() < 0.1, ran.out);
    QCOMPARE(check, run({"show", at("bf16.h5"), "--json"}).json()["traces"][0]["capture_check"]);
  }

  void show_tells_tokens_and_what_is_gone() {
    const QString out = session();
    const auto steps = run({"show", out, "--json"}).json()["traces"][0]["steps"];
    const QByteArray text = run({"show", out}).out;
    for (const auto& step : steps) {
      const int begin = step["begin"].get<int>(), last = step["end"].get<int>() - 1;
      const QString tokens =
          begin == last ? QString("token %1  ").arg(begin) : QString("tokens %1-%2  ").arg(begin).arg(last);
      QVERIFY2(text.contains(tokens.toUtf8()), text);
    }
    QVERIFY(text.contains("activations recorded: ") && !text.contains("is missing"));
    QVERIFY(QDir().mkpath(at("alone")) && QFile::copy(out, at("alone/shared.h5")));
    const Ran alone = run({"show", at("alone/shared.h5")});
    QVERIFY2(alone.out.contains("activations: recorded, but shared.activations.h5 is missing or damaged"), alone.out);
  }

  void random_models_are_measured_beside_their_limits() {
    const Ran decode = run({"bench", "decode", "--shape", "demo", "--dtype", "bf16", "--tokens", "4", "--batch", "2",
                            "--device", "cpu", "--json"});
    QVERIFY2(decode.status == 0, decode.error);
    const auto facts = decode.json();  // 9 norms of 160 are in f32
    QCOMPARE(facts["weight_bytes_per_token"].get<double>(), 2 * facts["parameters"].get<double>() + 2 * 1440);
    QVERIFY(facts["tokens_per_second"].get<double>() > 0 && facts["share_of_read"].get<double>() > 0);
    QVERIFY(facts["batch_times_one"].get<double>() > 0);
    const Ran prefill = run({"bench", "prefill", "--shape", "demo", "--tokens", "40", "--chunk", "16", "--dtype",
                             "bf16", "--device", "cpu", "--json"});
    QVERIFY2(prefill.status == 0, prefill.error);
    QVERIFY(prefill.json()["share_of_matmul"].get<double>() > 0);

    const Ran kept = run({"bench", "trace", "--shape", "10m", "--dtype", "q8_0", "--keep", at("kept")});
    QCOMPARE(kept.status, 2);  // before anything is made
    QVERIFY2(kept.sentence().contains("--keep") && !QFile::exists(at("kept")), kept.error);
    const Ran trace = run({"bench", "trace", "--shape", "demo", "--dtype", "bf16", "--tokens", "8", "--keep", at("kept")});
    QVERIFY2(trace.status == 0, trace.error);
    QCOMPARE(run({"info", at("kept/model"), "--json"}).json()["dtype"].get<std::string>(), std::string("bfloat16"));
    const Ran odd = run({"bench", "decode", "--shape", "demo", "--dtype", "q4_k"});
    QCOMPARE(odd.status, 1);
    QVERIFY2(odd.error.contains("blocks of 256"), odd.error);
  }
};

QTEST_GUILESS_MAIN(CommandsTest)
#include "commands_test.moc"

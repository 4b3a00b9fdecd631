// What is saved comes back, whole and exactly, and what cannot be read or written says so in one sentence.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <QtTest>
#include <algorithm>
#include <bit>
#include <csignal>
#include <set>

#include "runtime/error.h"
#include "runtime/session/file_stamp.h"
#include "runtime/session/hdf5_file.h"
#include "tests/runtime/session/samples.h"

namespace fs = std::filesystem;
using namespace stemma;

namespace {

template <class T>
bool same_numbers(const std::vector<T>& a, const std::vector<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](T x, T y) { return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y); });
}

void compare(const Trace& a, const Trace& b) {
  QCOMPARE(b.id, a.id);
  QCOMPARE(b.title, a.title);
  QCOMPARE(b.model_hash, a.model_hash);
  QCOMPARE(b.system, a.system);
  QCOMPARE(b.prompt, a.prompt);
  QCOMPARE(b.expected, a.expected);
  QCOMPARE(b.thought_start, a.thought_start);
  QVERIFY(b.sampler == a.sampler);
  QCOMPARE(b.stop_reason, a.stop_reason);
  QCOMPARE(b.completed, a.completed);
  QCOMPARE(b.created, a.created);
  QCOMPARE(b.device, a.device);
  QCOMPARE(b.prompt_tokens, a.prompt_tokens);
  QCOMPARE(b.tokens, a.tokens);
  QCOMPARE(b.token_offsets, a.token_offsets);
  QCOMPARE(b.text, a.text);
  QVERIFY(same_numbers(a.logprob, b.logprob));
  QVERIFY(same_numbers(a.entropy, b.entropy));
  QCOMPARE(b.alternatives, a.alternatives);
  QCOMPARE(b.top_ids, a.top_ids);
  QVERIFY(same_numbers(a.top_logprobs, b.top_logprobs));
  QCOMPARE(b.top_texts, a.top_texts);
  QVERIFY(b.steps == a.steps);
}

void compare(const InfluenceTable& a, const InfluenceTable& b) {
  QCOMPARE(b.trace_id, a.trace_id);
  QCOMPARE(b.method, a.method);
  QVERIFY(b.asked == a.asked);
  QCOMPARE(b.model_hash + b.factors_hash + b.corpus_hash, a.model_hash + a.factors_hash + a.corpus_hash);
  QCOMPARE(b.device + b.program + b.created, a.device + a.program + a.created);
  QCOMPARE(b.corpus_documents, a.corpus_documents);
  QCOMPARE(b.seconds, a.seconds);
  QCOMPARE(b.additivity, a.additivity);
  QCOMPARE(b.first_stage.rank, a.first_stage.rank);
  QCOMPARE(b.first_stage.precision, a.first_stage.precision);
  QCOMPARE(b.first_stage.rescored, a.first_stage.rescored);
  QCOMPARE(b.first_stage.error, a.first_stage.error);
  QCOMPARE(b.first_stage.recall, a.first_stage.recall);
  QCOMPARE(b.steps, a.steps);
  QCOMPARE(b.documents, a.documents);
  QCOMPARE(b.layers, a.layers);
  QCOMPARE(b.top, a.top);
  QCOMPARE(b.step_index, a.step_index);
  QVERIFY(same_numbers(a.nats, b.nats));
  QVERIFY(same_numbers(a.scores, b.scores));
  QCOMPARE(b.top_documents, a.top_documents);
  QCOMPARE(b.bottom_documents, a.bottom_documents);
  QCOMPARE(b.document_ids, a.document_ids);
  QCOMPARE(b.document_sources, a.document_sources);
  QCOMPARE(b.shown.size(), a.shown.size());
  for (size_t i = 0; i < a.shown.size(); ++i) {
    QCOMPARE(b.shown[i].index, a.shown[i].index);
    QCOMPARE(b.shown[i].id, a.shown[i].id);
    QCOMPARE(b.shown[i].name, a.shown[i].name);
    QCOMPARE(b.shown[i].source, a.shown[i].source);
    QCOMPARE(b.shown[i].text, a.shown[i].text);
    QCOMPARE(b.shown[i].token_offsets, a.shown[i].token_offsets);
    QVERIFY(same_numbers(a.shown[i].token_scores, b.shown[i].token_scores));
    QVERIFY(same_numbers(a.shown[i].output_scores, b.shown[i].output_scores));
    QVERIFY(same_numbers(a.shown[i].layer_scores, b.shown[i].layer_scores));
  }
}

void compare(const Session& a, const Session& b) {
  QCOMPARE(b.created, a.created);
  QCOMPARE(b.program, a.program);
  QCOMPARE(b.models.size(), a.models.size());
  for (const auto& [hash, model] : a.models) {
    const ModelFacts& other = b.models.at(hash);
    QCOMPARE(other.name + other.architecture + other.path + other.dtype + other.tokenizer_hash,
             model.name + model.architecture + model.path + model.dtype + model.tokenizer_hash);
    QCOMPARE(other.layers, model.layers);
    QCOMPARE(other.width, model.width);
    QCOMPARE(other.heads, model.heads);
    QCOMPARE(other.commit, model.commit);
  }
  QCOMPARE(b.traces.size(), a.traces.size());
  for (size_t i = 0; i < a.traces.size(); ++i) compare(a.traces[i], b.traces[i]);
  QCOMPARE(b.influence.size(), a.influence.size());
  for (const auto& [key, table] : a.influence) compare(table, b.influence.at(key));
  QVERIFY(a.activations == b.activations);
}

// The sentence of what `work` throws; empty where it throws nothing.
template <class Work>
std::string sentence_of(Work work) {
  try {
    work();
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

bool is_one_sentence(const std::string& text) {
  return !text.empty() && text.find('\n') == std::string::npos && text.size() < 400;
}

}  // namespace

class SessionTest : public QObject {
  Q_OBJECT
 private slots:
  void round_trip() {
    Session session = samples::session();
    save_session(session, path("s.h5"));
    QCOMPARE(session.path, path("s.h5"));
    std::string note = "old";
    const Session loaded = load_session(path("s.h5"), &note);
    QCOMPARE(note, std::string());
    QCOMPARE(loaded.path, path("s.h5"));
    compare(session, loaded);
  }

  // A table says in fields what it is about; one saved before it did says it by its name alone.
  void what_a_table_is_about() {
    Session session = samples::session();
    const auto put = [&](const std::string& method, std::optional<AskedSpan> asked) {
      InfluenceTable& table = session.influence[{"t001", method}] = samples::table(session.traces[0], method, 20, 2);
      table.asked = std::move(asked);
    };
    put("mine", AskedSpan{9, 11, "it's '8'"});
    put("ekfac of tokens 9-10 against '8'", {});
    save_session(session, path("s.h5"));
    const Session loaded = load_session(path("s.h5"));
    const auto about = [&](const std::string& method) { return loaded.table("t001", method)->asked; };
    QVERIFY(about("mine") == (AskedSpan{9, 11, "it's '8'"}));
    QVERIFY(about("ekfac of tokens 9-10 against '8'") == (AskedSpan{9, 11, "8"}));
    QVERIFY(!about("ekfac"));

    session.influence[{"t001", "mine"}].asked->end = 99;
    save_session(session, path("s.h5"));
    const std::string sentence = sentence_of([&] { load_session(path("s.h5")); });
    QVERIFY2(sentence.find("tokens 9 to 99") != std::string::npos, sentence.c_str());
  }

  void saving_again_gives_the_same_bytes() {
    Session session = samples::session();
    save_session(session, path("s.h5"));
    Session loaded = load_session(path("s.h5"));
    save_session(loaded, path("copy.h5"));
    QVERIFY(samples::read_all(path("s.h5")) == samples::read_all(path("copy.h5")));
  }

  void empty_session() {
    Session session;
    save_session(session, path("s.h5"));
    compare(session, load_session(path("s.h5")));
    QCOMPARE(session.new_trace_id(), std::string("t001"));
    session.traces = {samples::trace("t007"), samples::trace("mine")};
    QCOMPARE(session.new_trace_id(), std::string("t008"));
  }

  void an_unfinished_and_an_empty_trace() {
    Session session;
    Trace empty = samples::head("t001");
    empty.token_offsets = {0};
    empty.stop_reason = "stopped";
    session.traces = {empty};
    save_session(session, path("s.h5"));
    compare(session, load_session(path("s.h5")));
  }

  // Names with slashes, NUL bytes, broken UTF-8, texts past 64 KiB.
  void strange_texts() {
    Session session = samples::session();
    session.traces[0].title = std::string("a\0b", 3);
    session.traces[0].prompt = "\xFF\xFE broken";
    session.traces[0].system = std::string(200000, 'x');
    session.traces[0].text[2] = '\0';
    session.traces[1].id = "a/b%2F.";
    session.influence.clear();
    InfluenceTable& table = session.influence[{"t001", "ekfac"}] = samples::table(session.traces[0], "ekfac", 20, 2);
    table.shown[0].text = std::string("Three\0nd four make seven. ", 26) + std::string(100000, '\0');
    table.shown[1].name = "";
    table.corpus_hash = "";
    save_session(session, path("s.h5"));
    compare(session, load_session(path("s.h5")));
  }

  void traces_keep_their_order() {
    Session session;
    for (const char* id : {"t1000", "t999", "b", "a"}) session.traces.push_back(samples::trace(id));
    save_session(session, path("s.h5"));
    compare(session, load_session(path("s.h5")));
    QCOMPARE(session.new_trace_id(), std::string("t1001"));
  }

  // The same document cut by two tokenizers.
  void two_models_show_one_document() {
    Session session = samples::session();
    for (ShownDocument& shown : session.influence[{"t002", "gradient"}].shown) {
      shown.token_offsets = {0, 26};
      shown.token_scores.resize(session.influence[{"t002", "gradient"}].steps);
    }
    save_session(session, path("s.h5"));
    compare(session, load_session(path("s.h5")));
  }

  void what_tables_share_is_stored_once() {
    Session one = samples::session(), many = samples::session();
    one.influence.clear();
    const auto add = [](Session& session, const std::string& method) {
      InfluenceTable table = samples::table(session.traces[0], method, 20000, 5);
      const size_t numbers = 2 * sizeof(float) * table.scores.size();  // of scores, also a nat: each table's own
      session.influence[{"t001", method}] = std::move(table);
      return numbers;
    };
    many.influence.clear();
    const size_t own = add(one, "ekfac");
    for (const char* method : {"ekfac", "gradient", "third"}) add(many, method);
    save_session(one, path("one.h5"));
    save_session(many, path("many.h5"));
    const auto small = fs::file_size(path("one.h5")) - own, large = fs::file_size(path("many.h5")) - 3 * own;
    QVERIFY2(large < small * 2, qPrintable(QString("%1 and %2").arg(small).arg(large)));
    compare(many, load_session(path("many.h5")));
  }

  void bad_files_data() {
    QTest::addColumn<QString>("kind");
    QTest::addColumn<QString>("word");
    QTest::newRow("missing") << "missing"
                             << "no such file";
    QTest::newRow("folder") << "folder"
                            << "not a file";
    QTest::newRow("empty") << "empty"
                           << "empty file";
    QTest::newRow("text") << "text"
                          << "not an HDF5 file";
    QTest::newRow("cut") << "cut"
                         << "damaged";
    QTest::newRow("other HDF5") << "other"
                                << "no Stemma session";
    QTest::newRow("newer") << "newer"
                           << "version 7 made by stemma 9.1";
    QTest::newRow("no steps") << "no steps"
                              << "'/traces/t001/steps': is missing";
    QTest::newRow("wrong shape") << "wrong shape"
                                 << "'/traces/t001/entropy': has shape (3)";
    QTest::newRow("wrong type") << "wrong type"
                                << "'/traces/t001/tokens': holds another kind";
    QTest::newRow("gap in steps") << "gap"
                                  << "do not partition";
    QTest::newRow("offsets past the text") << "offsets"
                                           << "token_offsets";
    QTest::newRow("index past the documents") << "index"
                                              << "outside -1 to 399";
    QTest::newRow("no precision") << "precision"
                                  << "scanned in 'f64'";
    QTest::newRow("text longer than its heap") << "heap"
                                               << "longer than its place";
    QTest::newRow("huge claim") << "huge"
                                << "more than the file holds";
  }
  void bad_files() {
    QFETCH(QString, kind);
    QFETCH(QString, word);
    const fs::path file = path("bad.h5");
    Session session = samples::session();
    if (kind == "folder") fs::create_directory(file);
    if (kind == "empty") samples::write_all(file, "");
    if (kind == "text") samples::write_all(file, "Dear diary,\n");
    if (kind == "cut") {
      save_session(session, file);
      fs::resize_file(file, fs::file_size(file) / 2);
    }
    if (kind == "heap") {
      save_session(session, file);
      std::string bytes = samples::read_all(file);
      const size_t heap = bytes.find(std::string("GCOL\1", 5));
      QVERIFY(heap != std::string::npos);
      bytes[heap + 30] = '\x60';  // the highest bytes of the first object's length
      samples::write_all(file, bytes);
    }
    if (kind == "other") {
      Hdf5File other = Hdf5File::in_memory(file);
      other.root().set("format", "weather");
      other.save();
    }
    const QStringList damages = {"newer",   "no steps", "wrong shape", "wrong type", "gap",
                                 "offsets", "index",    "precision",   "huge"};
    if (damages.contains(kind)) {
      save_session(session, file);
      Hdf5File changed = Hdf5File::open_for(Hdf5File::Mode::change, file);
      {
        const Hdf5Node root = changed.root(), trace = root.group("traces").group("t001");
        const Hdf5Node steps = trace.group("steps"), table = trace.group("influence").group("ekfac");
        const int64_t tokens = session.traces[0].size();
        const auto replace = [](const Hdf5Node& node, const std::string& name, auto values, const Shape& shape) {
          node.remove(name);
          node.write(name, values, shape);
        };
        if (kind == "newer") root.set("version", 7), root.set("program", "stemma 9.1");
        if (kind == "no steps") trace.remove("steps");
        if (kind == "wrong shape") replace(trace, "entropy", std::vector<float>(3), {3});
        if (kind == "wrong type") replace(trace, "tokens", std::vector<float>(tokens), {tokens});
        if (kind == "gap") {
          auto begin = steps.read<int32_t>("begin", {-1});
          begin[1] += 1;
          replace(steps, "begin", begin, {static_cast<int64_t>(begin.size())});
        }
        if (kind == "offsets") {
          auto offsets = session.traces[0].token_offsets;
          offsets[3] = 4000000000u;
          replace(trace, "token_offsets", offsets, {tokens + 1});
        }
        if (kind == "index") {
          const InfluenceTable& good = session.influence[{"t001", "ekfac"}];
          auto top = good.top_documents;
          top[1] = 400;
          replace(table, "top", top, {good.steps, good.top});
        }
        if (kind == "precision") table.set("precision", "f64");
        if (kind == "huge") {
          trace.remove("tokens");
          trace.make_rows("tokens", 1 << 20, 1);
          trace.open_rows("tokens").set_rows(1 << 20, 1 << 20);
        }
      }
      changed.close();
    }
    std::string sentence = sentence_of([&] { load_session(file); });
    if (kind == "huge")
      sentence = sentence_of([&] {
        Hdf5File::open(file).root().group("traces").group("t001").read<uint16_t>("tokens", {-1, -1});
      });
    QVERIFY2(is_one_sentence(sentence), sentence.c_str());
    QVERIFY2(sentence.find("bad.h5") != std::string::npos && sentence.find(word.toStdString()) != std::string::npos,
             sentence.c_str());
  }

  // A link out of the file is not followed, wherever a stranger puts it.
  void links_out_are_not_followed() {
    Session session = samples::session();
    save_session(session, path("s.h5"));
    save_session(session, path("victim.h5"));
    Hdf5File changed = Hdf5File::open_for(Hdf5File::Mode::change, path("s.h5"));
    changed.root().group("traces").remove("t001");
    changed.root().group("traces").link_outside("t001", {"victim.h5", "/traces/t001"});
    changed.close();
    const std::string sentence = sentence_of([&] { load_session(path("s.h5")); });
    QVERIFY2(sentence.find("'/traces/t001': cannot be opened") != std::string::npos, sentence.c_str());
  }

  // The file system refuses to let the new file grow: the old session stays, and one sentence says why.
  void full_disk() {
    Session session = samples::session();
    save_session(session, path("s.h5"));
    const std::string before = samples::read_all(path("s.h5"));
    session.traces.push_back(samples::trace("t003"));
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    rlimit small = {20000, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    const std::string sentence = sentence_of([&] { save_session(session, path("s.h5")); });
    setrlimit(RLIMIT_FSIZE, &old);
    QVERIFY2(is_one_sentence(sentence) && sentence.find("s.h5: cannot be written") != std::string::npos,
             sentence.c_str());
    QVERIFY(samples::read_all(path("s.h5")) == before);
    QCOMPARE(std::distance(fs::directory_iterator(path("")), fs::directory_iterator()), 1);
    save_session(session, path("s.h5"));
    QCOMPARE(load_session(path("s.h5")).traces.size(), size_t{3});
  }

  void another_program_changed_the_file() {
    Session session = samples::session();
    save_session(session, path("s.h5"));
    Session other = load_session(path("s.h5"));
    Hdf5File changed = Hdf5File::open_for(Hdf5File::Mode::change, path("s.h5"));
    changed.root().set("created", "later");
    changed.close();
    const std::string sentence = sentence_of([&] { save_session(other, path("s.h5")); });
    QVERIFY2(is_one_sentence(sentence) && sentence.find("changed by another program") != std::string::npos,
             sentence.c_str());
    QCOMPARE(load_session(path("s.h5")).created, std::string("later"));
  }

  void knows_the_file_that_it_saved_or_read() {
    QVERIFY(!is_same_file(path("s.h5")));
    Session session = samples::session();
    save_session(session, path("s.h5"));
    QVERIFY(is_same_file(path("s.h5")));
    fs::copy(path("s.h5"), path("copy.h5"));
    QVERIFY(!is_same_file(path("copy.h5")));
    fs::rename(path("copy.h5"), path("s.h5"));  // as any program replaces it
    QVERIFY(!is_same_file(path("s.h5")));
    load_session(path("s.h5"));
    QVERIFY(is_same_file(path("s.h5")));
    fs::remove(path("s.h5"));
    QVERIFY(!is_same_file(path("s.h5")));
  }

  void an_unfit_trace_is_not_written() {
    Session session = samples::session();
    save_session(session, path("s.h5"));
    const std::string before = samples::read_all(path("s.h5"));
    session.traces[0].steps.pop_back();
    const std::string sentence = sentence_of([&] { save_session(session, path("s.h5")); });
    QVERIFY2(is_one_sentence(sentence) && sentence.find("partition") != std::string::npos, sentence.c_str());
    QVERIFY(samples::read_all(path("s.h5")) == before);
  }

  void init() { folder_ = std::make_unique<QTemporaryDir>(); }

 private:
  fs::path path(const std::string& name) const { return samples::in(*folder_, name); }
  std::unique_ptr<QTemporaryDir> folder_;
};

QTEST_GUILESS_MAIN(SessionTest)
#include "session_test.moc"

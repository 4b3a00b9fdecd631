// Corpora of every container, with broken lines, cut files, samples; and how fast they are read.
#include "runtime/corpus/corpus.h"

#include <zlib.h>
#include <zstd.h>

#include <QtTest>
#include <filesystem>
#include <fstream>
#include <set>

#include "runtime/corpus/line_reader.h"
#include "runtime/error.h"

namespace fs = std::filesystem;
using namespace stemma;

namespace {

std::string gzip(const std::string& text) {
  std::string packed(compressBound(text.size()) + 64, '\0');
  z_stream z = {};
  deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(packed.data());
  z.avail_out = static_cast<uInt>(packed.size());
  deflate(&z, Z_FINISH);
  packed.resize(z.total_out);
  deflateEnd(&z);
  return packed;
}

std::string zstd(const std::string& text, int window = 0) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  if (window > 0) ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window);
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  // A stream does not know its length, so the frame keeps the whole window.
  ZSTD_inBuffer in = {text.data(), text.size(), 0};
  ZSTD_outBuffer out = {packed.data(), packed.size(), 0};
  while (ZSTD_compressStream2(context, &out, &in, ZSTD_e_continue) != 0 && in.pos < in.size) {
  }
  ZSTD_compressStream2(context, &out, &in, ZSTD_e_end);
  packed.resize(out.pos);
  ZSTD_freeCCtx(context);
  return packed;
}

std::string line(int i) {
  return "{\"id\": \"d" + std::to_string(i) +
         "\", \"source\": \"forum\", \"task\": \"slope\", \"facts\": [\"f1\", \"f2\"], \"text\": \"Document " +
         std::to_string(i) + " na\\u00efve\\nend\"}\n";
}

std::string lines(int from, int to) {
  std::string text;
  for (int i = from; i < to; ++i) text += line(i);
  return text;
}

std::string sentence_of(const std::vector<fs::path>& paths) {
  try {
    load_corpus(paths);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

class CorpusTest : public QObject {
  Q_OBJECT
 private slots:
  void fields() {
    const Corpus corpus = load_corpus({write("c.jsonl", line(0) + line(1))});
    QCOMPARE(corpus.documents.size(), size_t{2});
    const Document& second = corpus.documents[1];
    QCOMPARE(second.id, "c.jsonl:" + std::to_string(line(0).size()));
    QCOMPARE(second.name, std::string("d1"));
    QCOMPARE(second.source, std::string("forum"));
    QCOMPARE(second.task, std::string("slope"));
    QCOMPARE(second.facts, (std::vector<std::string>{"f1", "f2"}));
    QCOMPARE(second.text, std::string("Document 1 na\xC3\xAFve\nend"));
    QCOMPARE(corpus.total, int64_t{2});
    QCOMPARE(corpus.broken, int64_t{0});
    QCOMPARE(corpus.bytes, static_cast<int64_t>(2 * second.text.size()));
    QCOMPARE(corpus.hash.size(), size_t{32});
  }

  void other_fields_are_passed_over() {
    const std::string text =
        "{\"meta\":{\"text\":\"inner\",\"id\":9,\"facts\":[\"x\"]},\"id\":17,\"list\":[{\"text\":\"no\"}],\"text\":"
        "\"outer\",\"source\":null}\n";
    const Document document = load_corpus({write("c.json", text)}).documents.at(0);
    QCOMPARE(document.text, std::string("outer"));
    QCOMPARE(document.name, std::string("17"));
    QCOMPARE(document.source, std::string("c.json"));
    QVERIFY(document.facts.empty());
  }

  void containers_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QByteArray>("bytes");
    const auto bytes = [](const std::string& text) { return QByteArray::fromStdString(text); };
    QTest::newRow("plain") << "c.jsonl" << bytes(lines(0, 500));
    QTest::newRow("no last newline, CRLF, byte order mark")
        << "c.jsonl"
        << bytes("\xEF\xBB\xBF" + QString::fromStdString(lines(0, 500)).replace("\n", "\r\n").chopped(2).toStdString());
    QTest::newRow("gzip") << "c.jsonl.gz" << bytes(gzip(lines(0, 500)));
    QTest::newRow("gzip of two members, cut inside a line")
        << "c.json.gz" << bytes(gzip(lines(0, 500).substr(0, 9001)) + gzip(lines(0, 500).substr(9001)));
    QTest::newRow("gzip padded with zeros") << "c.jsonl.gz" << bytes(gzip(lines(0, 500)) + std::string(300, '\0'));
    QTest::newRow("zstd") << "c.jsonl.zst" << bytes(zstd(lines(0, 500)));
    QTest::newRow("zstd of three frames, one empty")
        << "c.jsonl.zst" << bytes(zstd(lines(0, 500).substr(0, 9001)) + zstd("") + zstd(lines(0, 500).substr(9001)));
    QTest::newRow("zstd with the largest window") << "c.jsonl.zst" << bytes(zstd(lines(0, 500), 27));
  }
  void containers() {
    QFETCH(QString, name);
    QFETCH(QByteArray, bytes);
    const Corpus corpus = load_corpus({write(name.toStdString(), bytes.toStdString())});
    QCOMPARE(corpus.broken, int64_t{0});
    QCOMPARE(corpus.documents.size(), size_t{500});
    for (int i = 0; i < 500; ++i) QCOMPARE(corpus.documents[i].name, "d" + std::to_string(i));
    if (name != "c.jsonl")
      QCOMPARE(corpus.documents[3].id, name.toStdString() + ":" + std::to_string(lines(0, 3).size()));
  }

  void cut_short_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QByteArray>("bytes");
    const std::string gz = gzip(lines(0, 500)), zst = zstd(lines(0, 500));
    for (const size_t size : {size_t{0}, size_t{5}, gz.size() / 2, gz.size() - 1}) {
      QTest::addRow("gzip at %zu", size) << "c.jsonl.gz" << QByteArray::fromStdString(gz.substr(0, size));
    }
    for (const size_t size : {size_t{0}, size_t{5}, zst.size() / 2, zst.size() - 1}) {
      QTest::addRow("zstd at %zu", size) << "c.jsonl.zst" << QByteArray::fromStdString(zst.substr(0, size));
    }
    QTest::newRow("second gzip member") << "c.jsonl.gz" << QByteArray::fromStdString(gz + gz.substr(0, 100));
    QTest::newRow("second zstd frame") << "c.jsonl.zst" << QByteArray::fromStdString(zst + zst.substr(0, 100));
  }
  void cut_short() {
    QFETCH(QString, name);
    QFETCH(QByteArray, bytes);
    const std::string sentence = sentence_of({write(name.toStdString(), bytes.toStdString())});
    const std::string due = "cut short at byte " + std::to_string(bytes.size());
    QVERIFY2(sentence.find(due) != std::string::npos && sentence.find(name.toStdString()) != std::string::npos,
             sentence.c_str());
  }

  void not_what_its_name_says() {
    for (const char* name : {"c.jsonl.gz", "c.jsonl.zst"}) {
      QVERIFY(sentence_of({write(name, lines(0, 9))}).find("not sound") != std::string::npos);
      const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n";
      QVERIFY(sentence_of({write(name, pointer)}).find("Git LFS pointer") != std::string::npos);
      std::string damaged = name == std::string("c.jsonl.gz") ? gzip(lines(0, 500)) : zstd(lines(0, 500));
      for (size_t i = damaged.size() / 2; i < damaged.size() / 2 + 40; ++i) damaged[i] ^= 0x55;
      QVERIFY(!sentence_of({write(name, damaged)}).empty());
    }
  }

  void broken_lines_are_counted_and_skipped() {
    const std::string text = line(0) + "{\"text\": \"cut\n" + "\n" + "[1, 2]\n" + "{\"id\": \"x\"}\n" +
                             "{\"text\": 7}\n" + "{\"text\": \"\"}\n" + "{\"text\": \"bad \xFF byte\"}\n" +
                             "{\"text\": \"a\"} more\n" + line(1) + "   \r\n";
    const Corpus corpus = load_corpus({write("c.jsonl", text)});
    QCOMPARE(corpus.documents.size(), size_t{2});
    QCOMPARE(corpus.total, int64_t{2});
    QCOMPARE(corpus.broken, int64_t{7});
    QCOMPARE(corpus.broken_places,
             (std::vector<std::string>{"c.jsonl:2: not JSON", "c.jsonl:4: not a JSON object", "c.jsonl:5: no \"text\"",
                                       "c.jsonl:6: no \"text\"", "c.jsonl:7: an empty \"text\""}));
    const std::string nested = "{\"x\": " + std::string(2000000, '[') + "\n";
    QCOMPARE(load_corpus({write("deep.jsonl", nested + line(0))}).broken, int64_t{1});
  }

  void a_folder() {
    fs::create_directories(folder() / "b/deep");
    fs::create_directories(folder() / "b/.hidden");
    write("b/z.jsonl", line(1));
    write("b/a.txt", "A whole text.\nOf two lines.\n");
    write("b/deep/a.txt.gz", gzip("Packed text."));
    write("b/deep/latin.txt", "na\xEFve");
    write("b/.hidden/x.jsonl", line(9));
    write("b/notes.md", "not ours");
    const Corpus corpus = load_corpus({folder() / "b"});
    std::vector<std::string> ids;
    for (const Document& document : corpus.documents) ids.push_back(document.id);
    QCOMPARE(ids, (std::vector<std::string>{"a.txt:0", "deep/a.txt.gz:0", "z.jsonl:0"}));
    QCOMPARE(corpus.documents[0].text, std::string("A whole text.\nOf two lines.\n"));
    QCOMPARE(corpus.documents[0].source, std::string("a.txt"));
    QCOMPARE(corpus.broken_places, std::vector<std::string>{"deep/latin.txt: not UTF-8 text"});
  }

  void ids_are_unique() {
    fs::create_directories(folder() / "one");
    fs::create_directories(folder() / "two");
    const fs::path first = write("one/c.jsonl", lines(0, 3)), second = write("two/c.jsonl", lines(0, 3));
    const Corpus corpus = load_corpus({first, second});
    std::set<std::string> ids;
    for (const Document& document : corpus.documents) ids.insert(document.id);
    QCOMPARE(ids.size(), size_t{6});
    QVERIFY(sentence_of({first, first}).find("given twice") != std::string::npos);
  }

  // The same documents whatever stands before them in the order of the files; a larger sample holds the smaller.
  void samples_are_fixed() {
    const fs::path one = write("one.jsonl", lines(0, 400)), two = write("two.jsonl", lines(400, 800));
    const auto ids_of = [](const Corpus& corpus) {
      std::set<std::string> ids;
      for (const Document& document : corpus.documents) ids.insert(document.id);
      return ids;
    };
    const Corpus small = load_corpus({one, two}, 50), turned = load_corpus({two, one}, 50),
                 large = load_corpus({one, two}, 200);
    QCOMPARE(small.documents.size(), size_t{50});
    QCOMPARE(small.total, int64_t{800});
    QVERIFY(ids_of(small) == ids_of(turned));
    const auto few = ids_of(small), many = ids_of(large);
    QVERIFY(std::includes(many.begin(), many.end(), few.begin(), few.end()));
    const auto of_one = std::count_if(large.documents.begin(), large.documents.end(),
                                      [](const Document& d) { return d.id.starts_with("one"); });
    QVERIFY2(of_one > 70 && of_one < 130, qPrintable(QString::number(of_one)));  // about half
    // In the order of the files.
    std::vector<int> order;
    for (const Document& document : large.documents) order.push_back(std::stoi(document.name.substr(1)));
    QVERIFY(std::is_sorted(order.begin(), order.end()));
    QVERIFY(small.hash != large.hash);
    QCOMPARE(small.hash, load_corpus({one, two}, 50).hash);
    QCOMPARE(load_corpus({one}, 100000).documents.size(), size_t{400});
  }

  void the_hash_is_of_ids_and_texts() {
    const std::string before = load_corpus({write("c.jsonl", "{\"text\": \"ab\"}\n{\"text\": \"c\"}\n")}).hash;
    QCOMPARE(load_corpus({write("c.jsonl", "{\"text\": \"ab\"}\n{\"text\": \"c\"}\n")}).hash, before);
    QVERIFY(load_corpus({write("c.jsonl", "{\"text\": \"ab\"}\n{\"text\": \"d\"}\n")}).hash != before);
    QVERIFY(load_corpus({write("d.jsonl", "{\"text\": \"ab\"}\n{\"text\": \"c\"}\n")}).hash != before);
  }

  void nothing_to_read() {
    QVERIFY(sentence_of({folder() / "nowhere"}).find("no such file or folder") != std::string::npos);
    QVERIFY(sentence_of({write("c.jsonl", "")}).find("no document") != std::string::npos);
    const std::string sentence = sentence_of({write("c.jsonl", "x\ny\n")});
    QVERIFY2(sentence.find("2 broken lines") != std::string::npos && sentence.find("c.jsonl:1") != std::string::npos,
             sentence.c_str());
    QVERIFY(!sentence_of({}).empty());
  }

  void a_line_too_long() {
    const std::string sentence = sentence_of({write("c.jsonl.zst", zstd(std::string(longest_line + 1000, 'x')))});
    QVERIFY2(sentence.find("c.jsonl.zst:1: a line longer than 64 MiB") != std::string::npos, sentence.c_str());
  }

  void shared_corpora() {
    const fs::path shared = fs::path(STEMMA_SHARED_DATA) / "13_corpora";
    if (!fs::exists(shared)) QSKIP("the shared reference data is not on this machine");
    const Corpus plain = load_corpus({shared / "derived/tinystories.jsonl"});
    for (const char* name : {"tinystories.jsonl.zst", "tinystories.long_window.jsonl.zst",
                             "tinystories.one_member.jsonl.gz", "tinystories.two_members.jsonl.gz"}) {
      const Corpus packed = load_corpus({shared / "derived" / name});
      QCOMPARE(packed.documents.size(), plain.documents.size());
      for (size_t i = 0; i < plain.documents.size(); ++i) QVERIFY(packed.documents[i].text == plain.documents[i].text);
    }
    QCOMPARE(load_corpus({shared / "c4"}).documents.size(), size_t{40});
  }

  void a_hundred_thousand_lines() {
    const fs::path path = write("large.jsonl", lines(0, 100000));
    QElapsedTimer timer;
    timer.start();
    QCOMPARE(load_corpus({path}).documents.size(), size_t{100000});
    qInfo("100,000 lines in %lld ms", static_cast<long long>(timer.elapsed()));
  }

  void init() { folder_ = std::make_unique<QTemporaryDir>(); }

 private:
  fs::path folder() const { return folder_->path().toStdString(); }
  fs::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder() / name, std::ios::binary | std::ios::trunc) << bytes;
    return folder() / name;
  }
  std::unique_ptr<QTemporaryDir> folder_;
};

QTEST_GUILESS_MAIN(CorpusTest)
#include "corpus_test.moc"

// A fit and a scan that are killed or cancelled anywhere go on where they were, and end with the bits of one never
// disturbed.
#include "runtime/influence/unfinished.h"

#include <sys/resource.h>

#include <QtTest>
#include <csignal>

#include "runtime/influence/attribute.h"
#include "tests/support/tiny_model.h"

namespace fs = std::filesystem;
using namespace stemma;
using namespace stemma::test;

namespace {

// Fit and attribution in batches of a few documents, which keep their state after every batch or only when they stop.
struct Work {
  const std::shared_ptr<Model> model = random_model(tiny_config(2, true), 31);
  const Corpus corpus = corpus_of({"ab cdefg.", "p", "mnop ab cd", "", "a a a a a a a a", "hgfe.", "ab cdegf.", "kk lj",
                                   "dcba onmlk ponm", "fed."});
  const Trace trace = trace_of(*model, "ab cdefg hij k.", {4, 8, 12});
  fs::path folder;
  double pause = 0;
  uint64_t seed = 5;
  int64_t rank = 0;  // of the first of two stages, which is in bf16

  Factors fit(const Control& control) const {
    return fit_factors(*model, corpus, {.seed = seed, .batch_tokens = 16, .unfinished = folder / "f", .pause = pause},
                       control);
  }
  InfluenceTable scores(const Factors& factors, const Control& control) const {
    return attribute(*model, &factors, corpus, {&trace},
                     {.top = 3,
                      .batch_tokens = 16,
                      .rank = rank,
                      .precision = Precision::bf16,
                      .rescore = 3,
                      .unfinished = folder.empty() ? "" : folder / "s",
                      .pause = pause},
                     control)
        .at(0);
  }
};

QByteArray bytes_of(const std::vector<float>& values) {
  return QByteArray(reinterpret_cast<const char*>(values.data()),
                    static_cast<qsizetype>(values.size() * sizeof(float)));
}
QByteArray bytes_of(const Factors& factors) {
  QByteArray bytes;
  for (const LayerFactors& layer : factors.layers)
    bytes +=
        bytes_of(layer.q_a) + bytes_of(layer.q_s) + bytes_of(layer.lambda) + QByteArray::number(layer.damping, 'g', 17);
  return bytes;
}
QByteArray bytes_of(const InfluenceTable& table) {
  QByteArray bytes = bytes_of(table.scores) + bytes_of(table.nats) + QByteArray::number(table.additivity, 'g', 17);
  for (const ShownDocument& shown : table.shown)
    bytes += bytes_of(shown.token_scores) + bytes_of(shown.output_scores) + bytes_of(shown.layer_scores);
  for (const int32_t d : table.top_documents) bytes += QByteArray::number(d) + ' ';
  return bytes;
}

// In a process of its own: ends itself with SIGKILL at the `last`-th news, or says how many there were.
int work_until_killed(const fs::path& folder, int last, int64_t rank) {
  Work work;
  work.folder = folder;
  work.rank = rank;
  int news = 0;
  Control control;
  control.report = [&](const Progress&) {
    if (++news == last) ::raise(SIGKILL);
  };
  Factors factors = work.fit(control);
  save_factors(factors, folder / "f.h5");
  work.scores(factors, control);
  return news;
}

}  // namespace

class UnfinishedTest : public QObject {
  Q_OBJECT

  std::unique_ptr<QTemporaryDir> folder_;
  QByteArray fitted_;                     // undisturbed
  std::map<int64_t, QByteArray> scored_;  // by rank

  Work work(int64_t rank = 0) const {
    Work work;
    work.folder = folder_->path().toStdString();
    work.rank = rank;
    return work;
  }

 private slots:
  void initTestCase() {
    Work work;
    work.folder.clear();
    Factors factors = fit_factors(*work.model, work.corpus, {.seed = 5, .batch_tokens = 16}, Control());
    fitted_ = bytes_of(factors);
    for (const int64_t rank : {0, 2}) {
      work.rank = rank;
      scored_[rank] = bytes_of(work.scores(factors, Control()));
    }
  }
  void init() { folder_ = std::make_unique<QTemporaryDir>(); }

  void killed_anywhere_data() {
    QTest::addColumn<int64_t>("rank");
    QTest::newRow("one stage") << int64_t{0};
    QTest::newRow("two stages, in bf16 first") << int64_t{2};
  }
  void killed_anywhere() {
    QFETCH(int64_t, rank);
    for (int last = 2;; last += 9) {
      init();
      QProcess child;
      child.start(QCoreApplication::applicationFilePath(),
                  {"work", folder_->path(), QString::number(last), QString::number(rank)});
      QVERIFY(child.waitForFinished(60000));
      if (child.exitStatus() == QProcess::NormalExit) {
        QVERIFY2(last > 45, "every stage was reached");
        return;
      }
      const Work again = work(rank);
      std::vector<std::string> notes;
      std::map<std::string, double> first;  // news of a stage
      Control control;
      control.note = [&](const std::string& sentence) { notes.push_back(sentence); };
      control.report = [&](const Progress& p) { first.try_emplace(p.stage, p.done); };
      Factors factors;
      const fs::path saved = again.folder / "f.h5";
      if (fs::exists(saved)) {
        factors = load_factors(saved);
      } else {
        factors = again.fit(control);
        save_factors(factors, saved);
        QCOMPARE(first.contains("covariances"), !first.contains("eigenvalues") || first.contains("eigenbases"));
      }
      QCOMPARE(bytes_of(factors), fitted_);
      QCOMPARE(bytes_of(again.scores(factors, control)), scored_[rank]);
      for (const std::string& note : notes) QVERIFY2(note.starts_with("going on from "), note.c_str());
    }
  }

  void killed_while_writing() {
    const fs::path file = fs::path(folder_->path().toStdString()) / "w";
    QProcess child;
    child.start(QCoreApplication::applicationFilePath(), {"write", folder_->path()});
    QVERIFY(child.waitForFinished(60000));
    QCOMPARE(child.exitStatus(), QProcess::CrashExit);
    const UnfinishedWork kept(file, "key", Control());
    QCOMPARE(kept.stage(), std::string("first"));
    QCOMPARE(kept.done(), int64_t{7});
    QCOMPARE(kept.part("a", 3), (std::vector<float>{1, 2, 3}));
    QVERIFY_EXCEPTION_THROWN(kept.part("a", 4), Error);
    remove_unfinished(fs::path(folder_->path().toStdString()) / "none");
    fs::rename(file, unfinished_path(file));
    fs::rename(file.string() + ".part", unfinished_path(file).string() + ".part");
    remove_unfinished(file);
    QVERIFY2(fs::is_empty(folder_->path().toStdString()), "the half-written file goes too");
  }

  // Nothing is written on the way; what is done is kept when the work is told to stop.
  void cancelled_anywhere_data() { killed_anywhere_data(); }
  void cancelled_anywhere() {
    QFETCH(int64_t, rank);
    for (const char* stage :
         {"covariances", "eigenvalues", "scanning the documents", "tokens and layers of the documents shown"})
      for (const double share : {0.0, 0.5}) {
        init();
        Work twice = work(rank);
        twice.pause = 1e9;
        Control control;
        std::vector<double> seen;
        control.report = [&](const Progress& p) {
          if (p.stage == stage && p.done >= share * p.total) control.cancel();
        };
        Factors factors;
        bool fit_done = false;
        try {
          factors = twice.fit(control);
          factors.hash = "named";
          fit_done = true;
          twice.scores(factors, control);
          QFAIL("nothing was cancelled");
        } catch (const Error& error) {
          QCOMPARE(error.code(), ErrorCode::cancelled);
        }
        int notes = 0;
        Control calm;
        calm.note = [&](const std::string& sentence) { notes += sentence.starts_with("going on from "); };
        if (!fit_done) {
          factors = twice.fit(calm);
          factors.hash = "named";
        }
        QCOMPARE(bytes_of(factors), fitted_);
        QCOMPARE(bytes_of(twice.scores(factors, calm)), scored_[rank]);
        QVERIFY2(notes == 1, stage);
      }
  }

  void other_work_and_broken_files() {
    const fs::path file = fs::path(folder_->path().toStdString()) / "f";
    std::vector<std::string> notes;
    const auto fit = [&](uint64_t seed, bool stop) {
      Control control;
      control.note = [&](const std::string& sentence) { notes.push_back(sentence); };
      control.report = [&](const Progress& p) {
        if (stop && p.stage == "eigenvalues" && p.done > 4) control.cancel();
      };
      Work fit = work();
      fit.seed = seed;
      try {
        return bytes_of(fit.fit(control));
      } catch (const Error&) {
        return QByteArray();
      }
    };
    QVERIFY(fit(6, true).isEmpty() && fs::exists(file));
    QVERIFY(notes.empty());
    QCOMPARE(fit(5, false), fitted_);
    QVERIFY2(notes.size() == 1 && notes[0].find("of other work") != std::string::npos, notes[0].c_str());

    const auto size = static_cast<qint64>(fs::file_size(file));
    for (qint64 at = 0; at < size; at += size / 7) {
      for (const bool cut : {false, true}) {
        notes.clear();
        fs::remove(file);  // it may be of all but the end of the fit before
        QVERIFY(fit(5, true).isEmpty());
        QFile broken(QString::fromStdString(file.string()));
        QVERIFY(broken.open(QIODevice::ReadWrite));
        if (cut) {
          broken.resize(at);
        } else {
          broken.seek(at);
          char byte = 0;
          broken.peek(&byte, 1);
          byte = static_cast<char>(~byte);
          broken.write(&byte, 1);
        }
        broken.close();
        notes.clear();
        QCOMPARE(fit(5, false), fitted_);
        QVERIFY2(notes.size() == 1, "the file is read, or said to be broken");
      }
    }
  }

  void a_full_disk_costs_a_sentence() {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    rlimit small = {4000, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    std::vector<std::string> notes;
    Control control;
    control.note = [&](const std::string& sentence) { notes.push_back(sentence); };
    const QByteArray bytes = bytes_of(work().fit(control));
    setrlimit(RLIMIT_FSIZE, &old);
    QCOMPARE(bytes, fitted_);
    QVERIFY2(notes.size() == 1 && notes[0].find("cannot be kept") != std::string::npos, "said once");
    QVERIFY(fs::is_empty(folder_->path().toStdString()));
  }
};

int main(int count, char** arguments) {
  if (count == 5 && arguments[1] == std::string("work"))
    return work_until_killed(arguments[2], std::atoi(arguments[3]), std::atoi(arguments[4])) > 0 ? 0 : 1;
  if (count == 3 && arguments[1] == std::string("write")) {
    UnfinishedWork kept(fs::path(arguments[2]) / "w", "key", Control());
    kept.keep("first", 7, [](const UnfinishedWork::Put& put) { put("a", {1, 2, 3}); });
    kept.keep("second", 8, [](const UnfinishedWork::Put& put) {
      put("a", std::vector<float>(1 << 20, 1.0f));
      ::raise(SIGKILL);
    });
    return 0;
  }
  QCoreApplication application(count, arguments);
  UnfinishedTest test;
  return QTest::qExec(&test, count, arguments);
}
#include "unfinished_test.moc"

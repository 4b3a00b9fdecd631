// Activations: half precision bit by bit, several traces in one file, links that survive moves, repair after a crash.
#include <sys/resource.h>

#include <QtTest>
#include <bit>
#include <cmath>
#include <csignal>

#include "runtime/error.h"
#include "runtime/session/activations_file.h"
#include "runtime/session/capture.h"
#include "kernels/half.h"
#include "tests/runtime/session/samples.h"

namespace fs = std::filesystem;
using namespace stemma;

namespace {

const std::vector<std::string> sites = {"blocks.2.hook_resid_post", "blocks.10.hook_resid_post"};  // not as text sorts
constexpr int64_t width = 24;

void record(const fs::path& session, const std::string& trace, int64_t tokens) {
  ActivationsInHand file(session, {trace}, samples::shapes(sites, width));
  ActivationWriter writer(file, trace);
  for (int64_t t = 0; t < tokens; ++t) {
    for (size_t s = 0; s < sites.size(); ++s) writer.append(s, samples::residual(t, s, width).data(), 1);
  }
  writer.flush();
}

void check(const fs::path& session, const std::string& trace, int64_t tokens) {
  for (size_t s = 0; s < sites.size(); ++s) {
    const Recorded recorded = read_activations(session, trace, sites[s]);
    QCOMPARE(recorded.site, sites[s]);
    QCOMPARE(recorded.tokens, tokens);
    QCOMPARE(recorded.width, width);
    for (int64_t t = 0; t < tokens; ++t) {
      const std::vector<float> expected = samples::residual(t, s, width);
      QVERIFY(std::equal(expected.begin(), expected.end(), recorded.values.begin() + t * width));
    }
  }
}

Session session_with(const fs::path& path, const std::vector<std::string>& ids, int64_t tokens) {
  Session session;
  for (const std::string& id : ids) {
    record(path, id, tokens);
    session.traces.push_back(samples::trace(id));
    session.activations[id] = sites;
    save_session(session, path);
  }
  return session;
}

}  // namespace

class ActivationsTest : public QObject {
  Q_OBJECT
 private slots:
  void every_half_is_exact() {
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      const uint16_t half = static_cast<uint16_t>(bits);
      const float value = float_of(half);
      if (std::isnan(value)) {
        QVERIFY(std::isnan(float_of(half_of(value))));
      } else {
        QCOMPARE(half_of(value), half);
      }
    }
  }

  // Between two neighbours the nearer one, at the middle the even one; checked against the definition in f64.
  void rounding() {
    for (uint32_t bits = 0; bits < 0x7C00; ++bits) {
      const double low = float_of(static_cast<uint16_t>(bits));
      const double high = bits + 1 == 0x7C00 ? 65536.0 : float_of(static_cast<uint16_t>(bits + 1));
      const float middle = static_cast<float>((low + high) / 2);
      const uint16_t even = static_cast<uint16_t>(bits % 2 == 0 ? bits : bits + 1);
      QCOMPARE(half_of(middle), even);
      QCOMPARE(half_of(std::nextafter(middle, 0.0f)), static_cast<uint16_t>(bits));
      QCOMPARE(half_of(std::nextafter(middle, 1e9f)), static_cast<uint16_t>(bits + 1));
      QCOMPARE(half_of(-middle), static_cast<uint16_t>(even | 0x8000));
    }
    QCOMPARE(half_of(1e30f), uint16_t{0x7C00});
    QCOMPARE(half_of(-INFINITY), uint16_t{0xFC00});
  }

  void several_traces() {
    const fs::path path = file("s.h5");
    session_with(path, {"t001", "t002", "t003"}, 77);
    const Session loaded = load_session(path);
    QCOMPARE(loaded.activations.size(), size_t{3});
    for (const char* id : {"t001", "t002", "t003"}) {
      QCOMPARE(loaded.activations.at(id), sites);
      check(path, id, 77);
    }
    QVERIFY(!fs::exists(running_path(path)));
  }

  void a_long_prompt_at_once() {
    const fs::path path = file("s.h5");
    ActivationsInHand file(path, {"t001"}, {{sites[0], width}});
    ActivationWriter writer(file, "t001");
    std::vector<float> prompt;
    for (int64_t t = 0; t < 301; ++t) {
      const auto row = samples::residual(t, 0, width);
      prompt.insert(prompt.end(), row.begin(), row.end());
    }
    writer.append(0, prompt.data(), 301);
    writer.append(0, samples::residual(301, 0, width).data(), 1);
    writer.flush();
    const Recorded recorded = read_activations(path, "t001", sites[0]);
    QCOMPARE(recorded.tokens, int64_t{302});
    QVERIFY(std::equal(prompt.begin(), prompt.end(), recorded.values.begin()));
  }

  // A reader sees what was flushed while the writer still writes.
  void read_while_it_grows() {
    const fs::path path = file("s.h5");
    ActivationsInHand file(path, {"t001"}, {{sites[0], width}});
    ActivationWriter writer(file, "t001");
    for (int64_t t = 0; t < 20; ++t) writer.append(0, samples::residual(t, 0, width).data(), 1);
    QCOMPARE(read_activations(path, "t001", sites[0]).tokens, int64_t{16});
    writer.flush();
    QCOMPARE(read_activations(path, "t001", sites[0]).tokens, int64_t{20});
    writer.flush();
  }

  void both_files_move_together() {
    session_with(file("s.h5"), {"t001"}, 40);
    fs::create_directory(file("elsewhere"));
    for (const char* name : {"s.h5", "s.activations.h5"}) fs::rename(file(name), file("elsewhere") / name);
    QCOMPARE(load_session(file("elsewhere") / "s.h5").activations.at("t001"), sites);
    check(file("elsewhere") / "s.h5", "t001", 40);
  }

  void saved_under_another_name() {
    Session session = session_with(file("s.h5"), {"t001"}, 40);
    fs::create_directory(file("elsewhere"));
    const fs::path other = file("elsewhere") / "copy.h5";
    save_session(session, other);
    check(other, "t001", 40);
    record(other, "t002", 30);  // recorded after the change of name, into the new name's file
    session.traces.push_back(samples::trace("t002"));
    session.activations["t002"] = sites;
    save_session(session, other);
    const Session loaded = load_session(other);
    QCOMPARE(loaded.activations.size(), size_t{2});
    check(other, "t001", 40);
    check(other, "t002", 30);
  }

  // Without the large file the session opens, and saving it then does not forget where the recordings were.
  void missing_activations_are_absent() {
    session_with(file("s.h5"), {"t001"}, 40);
    fs::rename(file("s.activations.h5"), file("away.h5"));
    Session loaded = load_session(file("s.h5"));
    QVERIFY(loaded.activations.empty());
    QVERIFY_EXCEPTION_THROWN(read_activations(file("s.h5"), "t001", sites[0]), Error);
    save_session(loaded, file("s.h5"));
    fs::rename(file("away.h5"), file("s.activations.h5"));
    QCOMPARE(load_session(file("s.h5")).activations.at("t001"), sites);
    check(file("s.h5"), "t001", 40);
  }

  void no_such_recording() {
    session_with(file("s.h5"), {"t001"}, 5);
    for (const auto& [trace, site] :
         {std::pair("t009", sites[0].c_str()), std::pair("t001", "blocks.7.hook_resid_post")}) {
      try {
        read_activations(file("s.h5"), trace, site);
        QFAIL("read what is not there");
      } catch (const Error& error) {
        QCOMPARE(error.code(), ErrorCode::not_found);
      }
    }
  }

  // Another's file under the recordings' name keeps what it holds.
  void foreign_file() {
    const fs::path session = fs::path(folder_->path().toStdString()) / "S.h5", foreign = activations_path(session);
    for (const bool named : {false, true}) {
      {
        Hdf5File file = Hdf5File::open_for(Hdf5File::Mode::create, foreign);
        if (named)
          file.root().set("format", "stemma-factors");
        else
          file.root().write("table", std::vector<float>{1, 2, 3}, {3});
        file.close();
      }
      QFile before(QString::fromStdString(foreign.string()));
      QVERIFY(before.open(QIODevice::ReadOnly));
      const QByteArray bytes = before.readAll();
      before.close();
      try {
        record(session, "table", 3);
        QFAIL("recorded into it");
      } catch (const Error& error) {
        QVERIFY2(std::string(error.what()).find("S.activations.h5: holds something else") != std::string::npos,
                 error.what());
      }
      QVERIFY(before.open(QIODevice::ReadOnly) && before.readAll() == bytes);
    }
  }

  void damaged_activations() {
    Session session = session_with(file("s.h5"), {"t001"}, 40);
    samples::write_all(file("s.activations.h5"), "no HDF5 at all");
    QVERIFY(load_session(file("s.h5")).activations.empty());
    try {
      record(file("s.h5"), "t002", 5);
      QFAIL("wrote into a file that is none of ours");
    } catch (const Error& error) {
      QVERIFY2(std::string(error.what()).find("s.activations.h5") != std::string::npos, error.what());
    }
    QCOMPARE(samples::read_all(file("s.activations.h5")), std::string("no HDF5 at all"));
    QVERIFY(!fs::exists(running_path(file("s.h5"))));
  }

  // The disk fills while a trace is recorded: a sentence, the earlier trace stays, and when there is room it goes on.
  void full_disk() {
    session_with(file("s.h5"), {"t001"}, 40);
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    rlimit small = {fs::file_size(file("s.activations.h5")) + 20000, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    std::string sentence;
    try {
      record(file("s.h5"), "t002", 5000);
    } catch (const Error& error) {
      sentence = error.what();
    }
    setrlimit(RLIMIT_FSIZE, &old);
    QVERIFY2(sentence.find("cannot be written") != std::string::npos && sentence.find('\n') == std::string::npos,
             sentence.c_str());
    record(file("s.h5"), "t003", 50);
    check(file("s.h5"), "t001", 40);
    check(file("s.h5"), "t003", 50);
  }

  void init() { folder_ = std::make_unique<QTemporaryDir>(); }

 private:
  fs::path file(const std::string& name) const { return samples::in(*folder_, name); }
  std::unique_ptr<QTemporaryDir> folder_;
};

QTEST_GUILESS_MAIN(ActivationsTest)
#include "activations_test.moc"

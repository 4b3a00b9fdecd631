// A file is replaced whole or stays, and what killed programs left beside it goes.
#include "runtime/model/files/replace_file.h"

#include <unistd.h>

#include <QtTest>
#include <chrono>
#include <fstream>

namespace fs = std::filesystem;
using namespace stemma;

class ReplaceFileTest : public QObject {
  Q_OBJECT

  QTemporaryDir folder_;
  fs::path at(const std::string& name) const { return fs::path(folder_.path().toStdString()) / name; }
  static void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }
  static std::string read(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private slots:
  void the_old_or_the_new() {
    const fs::path path = at("a.json");
    write(path, "old");
    {
      FileReplacement dropped(path);
      dropped.write("half");
    }
    QCOMPARE(read(path), std::string("old"));
    FileReplacement file(path);
    file.write("new");
    file.commit();
    QCOMPARE(read(path), std::string("new"));
    QVERIFY(!fs::exists(name_beside(path)));
  }

  void what_killed_programs_left() {
    constexpr auto hour = std::chrono::hours(1);
    constexpr const char* gone = "4194999";  // beyond what Linux counts to
    const fs::path path = at("b.h5"), left = at(std::string("b.h5.part-") + gone), young = at("b.h5.part-4194998"),
                   others = at(std::string("c.h5.part-") + gone), word = at("b.h5.part-of-mine"),
                   alive = at("b.h5.part-" + std::to_string(::getppid()));
    for (const fs::path& file : {left, young, others, word, alive}) {
      write(file, "half");
      if (file != young) fs::last_write_time(file, fs::file_time_type::clock::now() - hour);
    }
    QCOMPARE(name_beside(path), fs::path(path.string() + ".part-" + std::to_string(::getpid())));
    QVERIFY(!fs::exists(left));
    for (const fs::path& file : {young, others, word, alive}) QVERIFY2(fs::exists(file), file.c_str());
    QVERIFY(!name_beside(at("no folder/d.h5")).empty());
  }
};

QTEST_GUILESS_MAIN(ReplaceFileTest)
#include "replace_file_test.moc"

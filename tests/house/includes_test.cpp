// The floors: no file includes what stands above it, and each outside library is seen only in its own rooms.
#include <QtTest>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

const std::vector<std::string> floors = {"kernels", "runtime", "viewer", "app", "tests"};

// The floor of a path from the root, 0 the lowest; -1 for a path on none.
int floor_of(const std::string& path) {
  const auto place = std::find(floors.begin(), floors.end(), path.substr(0, path.find('/')));
  return place == floors.end() || path.find('/') == std::string::npos ? -1 : int(place - floors.begin());
}

bool starts_with(const std::string& text, const std::string& start) { return text.rfind(start, 0) == 0; }

// An outside library, the headers that are its own, and the paths that may include them.
struct Library {
  const char* name;
  std::regex headers, rooms;
};

const std::vector<Library>& libraries() {
  static const std::vector<Library> all = {
      {"HDF5", std::regex("(hdf5|hdf5_hl|H5[A-Za-z]*)\\.h"),
       std::regex("runtime/session/hdf5_(handles\\.h|[a-z]+\\.cpp)")},
      {"GMP", std::regex("gmp(xx)?\\.h"), std::regex("runtime/template/values/integers\\.cpp")},
      {"Qt", std::regex("(.*/)?(Q[A-Z][A-Za-z0-9]*|Qt[A-Z0-9].*|q[a-z0-9]+\\.h)"),
       std::regex("tests/.*|app/(?!commands/).*|app/commands/export\\.cpp")},
      {"Dear ImGui", std::regex("(.*/)?imgui.*"), std::regex("(tests/)?viewer/.*")},
      {"OpenGL", std::regex("(GL|GLES[23]?|EGL|KHR)/.*"), std::regex("(tests/)?viewer/.*")},
      {"MPI", std::regex("mpi.*\\.h"), std::regex("runtime/ranks/mpi/.*\\.cpp")},
      {"CUDA", std::regex("(cuda|cublas|curand|cusolver|nvrtc).*|cub/.*|thrust/.*|cooperative_groups.*"),
       std::regex("kernels/.*\\.cuh?")},
  };
  return all;
}

// What is wrong with one `#include` of the file at `path`; empty when nothing is.
std::string fault_of(const std::string& path, const std::string& target, bool quoted,
                     const std::set<std::string>& tree) {
  const std::string name = fs::path(path).stem().string();
  if (target == name + ".moc" || target == "moc_" + name + ".cpp") return "";
  const int own = floor_of(path), other = floor_of(target);
  if (other < 0) {
    for (const Library& library : libraries())
      if (std::regex_match(target, library.headers) && !std::regex_match(path, library.rooms))
        return path + " includes " + target + ": " + library.name + " has no place in this room";
  }
  if (!quoted) return other < 0 ? "" : path + " includes <" + target + ">: write files of the tree in quotes";
  if (other < 0 || target.find("..") != std::string::npos)
    return path + " includes \"" + target + "\": write the full path from the root";
  if (!tree.count(target)) return path + " includes \"" + target + "\", which does not exist";
  if (other > own) return path + " includes " + target + ": it climbs from " + floors[own] + " to " + floors[other];
  if (starts_with(path, "app/commands/") && starts_with(target, "app/") && !starts_with(target, "app/commands/") &&
      path != "app/commands/export.cpp")
    return path + " includes " + target + ": the commands link the runtime alone";
  return "";
}

std::vector<std::string> faults_of(const std::string& path, const std::string& text,
                                   const std::set<std::string>& tree) {
  static const std::regex include("^\\s*#\\s*include\\s*([<\"])([^>\"]+)[>\"]");
  std::vector<std::string> faults;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (!std::regex_search(line, match, include)) continue;
    const std::string fault = fault_of(path, match[2], match[1] == "\"", tree);
    if (!fault.empty()) faults.push_back(fault);
  }
  return faults;
}

// Every source of the five floors, as paths from the root.
std::set<std::string> read_tree() {
  const fs::path root = STEMMA_SOURCE_DIR;
  std::set<std::string> tree;
  for (const std::string& floor : floors) {
    if (!fs::exists(root / floor)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / floor)) {
      const std::string extension = entry.path().extension().string();
      if (extension == ".h" || extension == ".cpp" || extension == ".cu" || extension == ".cuh")
        tree.insert(entry.path().lexically_relative(root).generic_string());
    }
  }
  return tree;
}

std::string read_text(const std::string& path) {
  std::ifstream file(fs::path(STEMMA_SOURCE_DIR) / path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

class IncludesTest : public QObject {
  Q_OBJECT

 private slots:
  void no_include_climbs() {
    const std::set<std::string> tree = read_tree();
    QVERIFY2(tree.count("kernels/ops.h"), "The tree was not found.");
    std::string all;
    for (const std::string& path : tree)
      for (const std::string& fault : faults_of(path, read_text(path), tree)) all += "\n  " + fault;
    QVERIFY2(all.empty(), all.c_str());
  }

  void a_planted_include_is_caught_data() {
    QTest::addColumn<QString>("path");
    QTest::addColumn<QString>("line");
    QTest::addColumn<bool>("allowed");
    const auto row = [](const char* name, const char* path, const char* line, bool allowed) {
      QTest::newRow(name) << QString(path) << QString(line) << allowed;
    };
    row("down", "runtime/trace/trace.cpp", "#include \"kernels/ops.h\"", true);
    row("same floor", "runtime/trace/trace.cpp", "#include \"runtime/error.h\"", true);
    row("kernels to runtime", "kernels/elementwise/embed.cpp", "#include \"runtime/error.h\"", false);
    row("runtime to viewer", "runtime/worker.cpp", "#include \"viewer/viewer.h\"", false);
    row("viewer to app", "viewer/viewer.cpp", "#include \"app/ask.h\"", false);
    row("app to tests", "app/main.cpp", "#include \"tests/golden.h\"", false);
    row("blanks do not hide it", "kernels/elementwise/embed.cu", "  #  include  \"runtime/error.h\"", false);
    row("angle brackets do not hide it", "kernels/elementwise/embed.cpp", "#include <runtime/error.h>", false);
    row("relative", "runtime/worker.cpp", "#include \"error.h\"", false);
    row("parent folder", "runtime/trace/trace.cpp", "#include \"../error.h\"", false);
    row("through a parent folder", "kernels/elementwise/embed.cpp", "#include \"kernels/../runtime/error.h\"", false);
    row("no such file", "app/main.cpp", "#include \"runtime/no_such_file.h\"", false);
    row("HDF5 at home", "runtime/session/hdf5_file.cpp", "#include <hdf5.h>", true);
    row("HDF5 in the session", "runtime/session/session.cpp", "#include <hdf5.h>", false);
    row("HDF5 in a header", "runtime/session/hdf5_file.h", "#include <H5public.h>", false);
    row("HDF5 in a test", "tests/runtime/session/session_test.cpp", "#include \"hdf5.h\"", false);
    row("MPI at home", "runtime/ranks/mpi/mpi_mailbox.cpp", "#include <mpi.h>", true);
    row("MPI among the ranks", "runtime/ranks/ranks.cpp", "#include <mpi.h>", false);
    row("Qt in app", "app/main.cpp", "#include <QApplication>", true);
    row("Qt in a test", "tests/runtime/worker_test.cpp", "#include <QtTest>", true);
    row("Qt in runtime", "runtime/worker.cpp", "#include <QThread>", false);
    row("Qt in runtime by module", "runtime/worker.cpp", "#include <QtCore/qglobal.h>", false);
    row("Qt in viewer", "viewer/viewer.cpp", "#include <qopenglwidget.h>", false);
    row("Qt in a command", "app/commands/show.cpp", "#include <QString>", false);
    row("a panel in a command", "app/commands/show.cpp", "#include \"app/ask.h\"", false);
    row("ImGui in viewer", "viewer/viewer.cpp", "#include <imgui.h>", true);
    row("ImGui in app", "app/canvas_widget.cpp", "#include <imgui/imgui.h>", false);
    row("OpenGL in app", "app/canvas_widget.cpp", "#include <GL/gl.h>", false);
    row("EGL in a viewer test", "tests/viewer/viewer_test.cpp", "#include <EGL/egl.h>", true);
    row("CUDA in a kernel", "kernels/elementwise/embed.cu", "#include <cuda_runtime.h>", true);
    row("CUDA in C++", "kernels/cpu_ops.cpp", "#include <cuda_runtime.h>", false);
    row("CUDA in viewer", "viewer/viewer.cpp", "#include <cublas_v2.h>", false);
    row("standard library", "kernels/elementwise/embed.cpp", "#include <cstdint>", true);
    row("own moc file", "tests/house/includes_test.cpp", "#include \"includes_test.moc\"", true);
    row("own moc file named like CUDA", "tests/kernels/cuda_parity_test.cpp", "#include \"cuda_parity_test.moc\"",
        true);
    row("a header named like Qt", "runtime/trace/trace.cpp", "#include \"runtime/query.h\"", true);
    row("a comment is no include", "kernels/elementwise/embed.cpp", "// see #include \"runtime/error.h\"", true);
  }

  void a_planted_include_is_caught() {
    QFETCH(QString, path);
    QFETCH(QString, line);
    QFETCH(bool, allowed);
    const std::set<std::string> tree = {"kernels/ops.h",   "runtime/error.h", "runtime/query.h",
                                        "viewer/viewer.h", "app/ask.h",       "tests/golden.h"};
    const std::string text = "#include <vector>\n" + line.toStdString() + "\nint main() {}\n";
    QCOMPARE(faults_of(path.toStdString(), text, tree).size(), size_t(allowed ? 0 : 1));
  }

  void no_catch_all_folder() {
    for (const std::string& path : read_tree())
      for (const fs::path& part : fs::path(path).parent_path())
        QVERIFY2(part != "util" && part != "utils" && part != "common" && part != "core", path.c_str());
  }
};

QTEST_GUILESS_MAIN(IncludesTest)
#include "includes_test.moc"

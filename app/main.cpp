#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "app/commands/command.h"
#ifdef STEMMA_WINDOW
#include "app/screenshot.h"
#include "app/window.h"
#endif

namespace {

// Starts the program anew, in place, with two things that its libraries read once, before main. One thread waits for
// nobody and touches memory slowly: it is spared the second start.
//
// GNU OpenMP: by its own choice a thread that waits for another spins some milliseconds before it sleeps, and where a
// third program wants the same processor the other cannot run meanwhile: reading a prompt then fell to a third of its
// speed. glibc: memory in huge pages, which are found and cleared at once, made fits and scans 4 % faster.
void start_anew(char** argv) {
  const char* threads = std::getenv("OMP_NUM_THREADS");
  if (threads && threads == std::string_view("1")) return;
  bool anew = false;
  if (!std::getenv("GOMP_SPINCOUNT") && !std::getenv("OMP_WAIT_POLICY")) {
    setenv("GOMP_SPINCOUNT", "1000", 0);  // some 15 us
    anew = true;
  }
  const char* kept = std::getenv("GLIBC_TUNABLES");
  const std::string tunables = kept ? kept : "", huge = "glibc.malloc.hugetlb";
  if (tunables.find(huge) == std::string::npos) {
    setenv("GLIBC_TUNABLES", (tunables + (tunables.empty() ? "" : ":") + huge + "=1").c_str(), 1);
    anew = true;
  }
  if (!anew) return;
  std::error_code none;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", none);
  execv(program.c_str(), argv);  // where that fails the program goes on as it is
}

}  // namespace

int main(int argc, char** argv) {
  start_anew(argv);
#ifdef STEMMA_WINDOW
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first.empty() || first == stemma::screenshot_option || !stemma::is_command(first)) {
    return stemma::run_window(argc, argv);
  }
#endif
  return stemma::run_command(argc, argv);
}

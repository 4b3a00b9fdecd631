#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "app/commands/command.h"
#ifdef STEMMA_WINDOW
#include "app/screenshot.h"
#include "app/window.h"
#endif

namespace {

// Starts the program anew, in place, with GOMP_SPINCOUNT set: GNU OpenMP reads it once, before main. By its own choice
// a thread that waits for another spins some milliseconds before it sleeps, and where a third program wants the same
// processor the other cannot run meanwhile: reading a prompt then fell to a third of its speed. One thread waits for
// nobody, and is spared the second start.
void wait_shortly(char** argv) {
  const char* threads = std::getenv("OMP_NUM_THREADS");
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY") || (threads && threads == std::string_view("1")))
    return;
  setenv("GOMP_SPINCOUNT", "1000", 0);  // some 15 us
  std::error_code none;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", none);
  execv(program.c_str(), argv);  // where that fails the program goes on as it is
}

}  // namespace

int main(int argc, char** argv) {
  wait_shortly(argv);
#ifdef STEMMA_WINDOW
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first.empty() || first == stemma::screenshot_option || !stemma::is_command(first)) {
    return stemma::run_window(argc, argv);
  }
#endif
  return stemma::run_command(argc, argv);
}

#include <string_view>

#include "app/commands/command.h"
#ifdef STEMMA_WINDOW
#include "app/screenshot.h"
#include "app/window.h"
#endif

int main(int argc, char** argv) {
#ifdef STEMMA_WINDOW
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first.empty() || first == stemma::screenshot_option || !stemma::is_command(first)) {
    return stemma::run_window(argc, argv);
  }
#endif
  return stemma::run_command(argc, argv);
}

#include <CLI/CLI.hpp>

#include "app/commands/command.h"
#include "runtime/error.h"

namespace stemma {

Run setup_export(CLI::App& app) {
  app.allow_extras();
  return []() -> int {
    throw Error(
        ErrorCode::unsupported,
        "this build of stemma has no drawing; stemma show --json prints the numbers, and a build with the window "
        "(STEMMA_WINDOW=ON) draws figures");
  };
}

}  // namespace stemma

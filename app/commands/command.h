// The command line: one table of commands, one file a command, all on the main thread.
#pragma once

#include <functional>
#include <span>
#include <stdexcept>
#include <string_view>

namespace CLI {
class App;
}

namespace stemma {

// Runs a command whose options are parsed; returns the exit status. May throw: run_command turns any exception into one
// sentence on standard error and status 1, an Error whose code is `cancelled` into 130, a WrongUsage into 2.
using Run = std::function<int()>;

// Options that do not go together, or a value that no option takes.
struct WrongUsage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Command {
  const char* name;
  const char* summary;          // one line
  Run (*setup)(CLI::App& app);  // declares the options on `app`; the Run it returns owns where they are stored
  bool spreads = false;         // over the ranks that a launcher (mpirun) started; else rank 0 alone runs it
};

Run setup_generate(CLI::App& app);
Run setup_fit(CLI::App& app);
Run setup_plan(CLI::App& app);
Run setup_index(CLI::App& app);
Run setup_attribute(CLI::App& app);
Run setup_show(CLI::App& app);
Run setup_export(CLI::App& app);  // export.cpp where the window is built, else export_without_window.cpp
Run setup_study(CLI::App& app);
Run setup_train(CLI::App& app);
Run setup_info(CLI::App& app);
Run setup_tokenize(CLI::App& app);
Run setup_bench(CLI::App& app);

std::span<const Command> commands();
// Whether the first argument is for run_command rather than a file for the window: a command, an option, or a word that
// names no file and looks like none (run_command then names the nearest command).
bool is_command(std::string_view argument);

// Everything of `stemma` that opens no window: the commands, --help, --version. Exit status: 0 done, 1 failed, 2 wrong
// usage, 130 interrupted. Never throws.
int run_command(int argc, char** argv);

}  // namespace stemma

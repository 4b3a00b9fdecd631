#include "app/commands/command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <new>
#include <string>

#include "app/commands/signals.h"
#include "app/commands/terminal.h"
#include "runtime/edit_distance.h"
#include "runtime/error.h"
#include "runtime/ranks/mpi_plugin.h"

namespace stemma {

namespace {

constexpr int done = 0, failed = 1, wrong_usage = 2, was_interrupted = 130;

constexpr Command table[] = {
    {"generate", "Run prompts through a model and record the traces with their activations", setup_generate},
    {"fit", "Fit a model's curvature factors (EK-FAC) on a corpus", setup_fit, true},
    {"plan", "Tell memory, disk and time of each stage of an attribution, before it runs", setup_plan},
    {"index", "Keep what each document's gradient says, so that questions need no corpus", setup_index, true},
    {"attribute", "Find the training documents behind each step of a session's traces", setup_attribute, true},
    {"show", "Print traces, steps and the documents behind them", setup_show},
    {"export", "Write a figure or its numbers: SVG, PDF, PNG, CSV", setup_export},
    {"study", "Analyse traces and their influence; writes a page of results", setup_study},
    {"train", "Train a small model on a corpus", setup_train},
    {"info", "Say what a file or folder is, whether it is whole, and what can run here", setup_info},
    {"tokenize", "Text on standard input to token ids, and back", setup_tokenize},
    {"bench", "Measure this machine: speeds as shares of what its processor can do", setup_bench},
};

const char* nearest(std::string_view word) {
  return std::min_element(
             std::begin(table), std::end(table),
             [&](const Command& a, const Command& b) { return edit_distance(word, a.name) < edit_distance(word, b.name); })
      ->name;
}

int refuse(std::string_view sentence, int status) {
  tell(std::string("stemma: ") + harmless(sentence));
  return status;
}

// CLI11 writes some errors over several lines; a person gets one sentence.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

int run_one(const Command& command, int argc, char** argv) {
  if (!command.spreads && launch_of_environment().rank > 0) return done;
  CLI::App app(command.summary, std::string("stemma ") + command.name);
  app.option_defaults()->always_capture_default();
  const Run run = command.setup(app);
  try {
    app.parse(argc - 1, argv + 1);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return done;
  } catch (const CLI::ParseError& error) {
    return refuse(one_line(error.what()) + "; stemma " + command.name + " --help lists the options", wrong_usage);
  }
  return run();
}

int run_whole(int argc, char** argv) {
  const std::string first = argc > 1 ? argv[1] : "--help";
  if (first == "--version") {
    std::cout << "stemma " << STEMMA_VERSION << "\n";
    return done;
  }
  if (first == "--help" || first == "-h" || first == "help") {
    std::cout << "stemma [FILE...]            the workbench\nstemma COMMAND [OPTIONS]\n\nCommands:\n";
    for (const auto& command : table)
      std::cout << "  " << command.name << std::string(12 - std::string_view(command.name).size(), ' ')
                << command.summary << "\n";
    std::cout << "\nstemma COMMAND --help lists a command's options; stemma --version says the version.\n";
    return done;
  }
  const auto found =
      std::find_if(std::begin(table), std::end(table), [&](const Command& c) { return c.name == first; });
  if (found != std::end(table)) return run_one(*found, argc, argv);
  if (first.starts_with("-"))
    return refuse("'" + first + "' is no option; stemma --help lists the commands", wrong_usage);
  if (!is_command(first))
    return refuse(first + ": this build has no window to open it in; stemma show prints a session", wrong_usage);
  return refuse("'" + first + "' is no command and no file; did you mean stemma " + nearest(first) + "?", wrong_usage);
}

}  // namespace

std::span<const Command> commands() { return table; }

bool is_command(std::string_view argument) {
  if (argument.starts_with("-") || argument == "help") return true;
  if (std::any_of(std::begin(table), std::end(table), [&](const Command& c) { return c.name == argument; }))
    return true;
  std::error_code none;
  return argument.find_first_of("./") == std::string_view::npos && !std::filesystem::exists(argument, none);
}

int run_command(int argc, char** argv) {
  take_signals();
  std::signal(SIGXFSZ, SIG_IGN);  // a file over the allowed size is then a failed write, and a sentence
  try {
    const int status = run_whole(argc, argv);
    std::cout.flush();
    if (!std::cout || std::fflush(stdout) != 0)
      return refuse("standard output: cannot be written; is its disk full?", failed);
    return status;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::cancelled)
      return refuse(error.what() == std::string_view("cancelled") ? "interrupted" : error.what(), was_interrupted);
    return refuse(one_line(error.what()), failed);
  } catch (const WrongUsage& error) {
    return refuse(error.what(), wrong_usage);
  } catch (const std::bad_alloc&) {
    return refuse("not enough memory for this; a smaller --sample, or a machine with more, would do", failed);
  } catch (const std::exception& error) {
    return refuse(one_line(error.what()), failed);
  } catch (...) {
    return refuse("an unknown failure; please report the command that caused it", failed);
  }
}

}  // namespace stemma

// `stemma study`: what the demo's model and its influence really do, written as a page of Markdown.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>

#include "app/commands/command.h"
#include "app/commands/study_parts.h"
#include "app/commands/terminal.h"
#include "runtime/program.h"

namespace stemma {
namespace {

struct StudyArguments {
  std::string name, model, suite, factors, out, device = "auto";
  CorpusOptions corpus;
  int facts = 120, each_task = 20;
};

void write_answers(std::ostream& out, const std::vector<Outcome>& with, const std::vector<Outcome>& without) {
  const auto a = by_task(with), b = by_task(without);
  fmt::print(out,
             "Prompts that stand nowhere in the corpus; greedy decoding; the answer must be exact.\n\n"
             "| task | prompts | right with its chain of thought | right with an empty thought |\n|---|---|---|---|\n");
  for (const auto& [task, share] : a)
    fmt::print(out, "| {} | {} | {:.1f} % | {:.1f} % |\n", task, share.of, 100.0 * share.right / share.of,
               100.0 * b.at(task).right / b.at(task).of);
  fmt::print(out, "\n");
}

// Puts a part under its title into the page at `path`, which is made where it is missing; other parts stay as they are.
void replace_part(const std::filesystem::path& path, const std::string& title, const std::string& text) {
  std::stringstream old;
  old << std::ifstream(path).rdbuf();
  std::string page = old.str();
  if (page.empty()) page = "# What the demo's model does, as measured\n\n";
  const std::string heading = "## " + title + "\n\n";
  size_t begin = page.starts_with(heading) ? 0 : page.find("\n" + heading);
  if (begin == std::string::npos) {
    page += heading + text;
  } else {
    begin += page[begin] == '\n';
    const size_t next = page.find("\n## ", begin);
    page.replace(begin, next == std::string::npos ? std::string::npos : next + 1 - begin, heading + text);
  }
  std::ofstream out(path);
  out << page;
  out.close();
  if (!out)
    throw Error(ErrorCode::disk, path.string() + ": cannot be written; is the disk full, or the folder closed to you?");
}

std::filesystem::path factors_path(const StudyArguments& options) {
  return options.factors.empty() ? std::filesystem::path(options.model) / "factors.h5"
                                 : std::filesystem::path(options.factors);
}

int run(const StudyArguments& options) {
  static const std::vector<std::string> studies = {"demo", "answers", "facts", "reasoning", "time"};
  if (std::find(studies.begin(), studies.end(), options.name) == studies.end())
    throw WrongUsage(fmt::format("'{}' is no study; there are {}", options.name, fmt::join(studies, ", ")));
  const auto model = load_model(options.model, open_device(options.device));
  const bool traced = options.name != "answers";
  const Factors factors = traced ? load_factors(factors_path(options)) : Factors{};
  const Corpus corpus = options.corpus.load();
  const auto prompts = read_suite(options.suite);
  ProgressLine line;
  Control control;
  watch(control, line);

  const auto with = ask(*model, prompts, true, control), without = ask(*model, prompts, false, control);
  const auto page = [&](const std::string& title, const auto& write) {
    std::ostringstream text;
    write(text);
    fmt::print(text,
               "Written by `stemma study {} --model {} --suite {} --corpus {} --out {}` on {}; {}, device {}; model "
               "{}{}, documents {} of {}.\n\n",
               options.name, options.model, options.suite, fmt::join(options.corpus.paths, " "), options.out, now_utc(),
               program_version(), model->ops->device(), model->hash,
               traced ? fmt::format(", factors {} (fitted on {} documents, seed {})", factors.hash, factors.documents,
                                    factors.seed)
                      : "",
               corpus.documents.size(), corpus.total);
    replace_part(options.out, title, text.str());
  };
  const auto asked_for = [&](const char* part) { return options.name == part || options.name == "demo"; };
  if (asked_for("answers")) page("Answers", [&](std::ostream& out) { write_answers(out, with, without); });
  if (asked_for("facts"))
    page("Facts", [&](std::ostream& out) {
      write_facts(out, *model, factors, corpus, first_right(with, "fact", options.facts),
                  first_right(without, "fact", options.facts), control);
    });
  if (asked_for("reasoning"))
    page("Reasoning",
         [&](std::ostream& out) { write_reasoning(out, *model, factors, corpus, with, options.each_task, control); });
  if (asked_for("time"))
    page("Time", [&](std::ostream& out) { write_time(out, *model, factors, options.corpus, with.front(), control); });
  line.clear();
  fmt::print("{}\n", options.out);
  return 0;
}

}  // namespace

std::vector<Outcome> first_right(const std::vector<Outcome>& outcomes, const std::string& task, int most) {
  std::vector<Outcome> chosen;
  for (const Outcome& o : outcomes)
    if (o.asked.task == task && o.right && static_cast<int>(chosen.size()) < most) chosen.push_back(o);
  return chosen;
}

std::vector<InfluenceTable> tables_of(const Model& model, const Factors& factors, const Corpus& corpus,
                                      const std::vector<Outcome>& outcomes, const std::string& method,
                                      const Control& control) {
  if (outcomes.empty()) return {};
  std::vector<const Trace*> traces;
  for (const Outcome& o : outcomes) traces.push_back(&o.trace);
  return attribute(model, &factors, corpus, traces, {.method = method, .top = 0}, control);
}

Run setup_study(CLI::App& app) {
  auto options = std::make_shared<StudyArguments>();
  app.add_option("NAME", options->name,
                 "answers, facts, reasoning, time (scans the whole corpus once), or demo: all of them")
      ->required();
  app.add_option("--model", options->model, "model folder")->required();
  app.add_option("--suite", options->suite, "prompts with their answers, JSON lines")->required();
  app.add_option("--factors", options->factors, "curvature factors; default: factors.h5 in the model's folder");
  app.add_option("--out", options->out, "the page to write, Markdown")->required();
  app.add_option("--facts", options->facts, "facts traced to their documents")->check(CLI::Range(1, 100000));
  app.add_option("--queries", options->each_task, "queries of each reasoning task")->check(CLI::Range(2, 10000));
  options->corpus.declare(app, 20000);
  declare_device(app, options->device);
  return [options] { return run(*options); };
}

}  // namespace stemma

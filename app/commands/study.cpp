// `stemma study`: what the demo's model and its influence really do, written as a page of Markdown.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <memory>
#include <sstream>

#include "app/commands/command.h"
#include "app/commands/options.h"
#include "app/commands/terminal.h"
#include "runtime/influence/attribute.h"
#include "runtime/program.h"
#include "runtime/study/rate.h"
#include "runtime/study/retrieval.h"
#include "runtime/study/sharing.h"

namespace stemma {
namespace {

struct Options {
  std::string name, model, suite, factors, out, device = "auto";
  CorpusOptions corpus;
  int facts = 120, each_task = 20;
};

const std::vector<std::string> reasoning = {"arithmetic", "slope", "linear"};
constexpr size_t strong = 50;  // documents looked at per query

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

// The completion's whole score, or that of the first step that names the answer.
using Scorer = std::vector<float> (*)(const Outcome&, const InfluenceTable&);

std::vector<float> of_completion(const Outcome&, const InfluenceTable& table) { return completion_scores(table); }

std::vector<float> of_naming_step(const Outcome& outcome, const InfluenceTable& table) {
  int32_t row = table.steps - 1;
  for (int32_t s = table.steps; s-- > 0;)
    if (outcome.trace.step_text(outcome.trace.steps[static_cast<size_t>(table.step_index[s])])
            .find(outcome.asked.answer) != std::string::npos)
      row = s;
  const auto begin = table.scores.begin() + std::ptrdiff_t{row} * table.documents;
  return {begin, begin + table.documents};
}

// Rank of the first document that states the fact; 0 where none of the sample does.
int64_t rank_of(const Outcome& outcome, const std::vector<float>& scores, const Corpus& corpus) {
  const Retrieval r = retrieval({outcome}, {scores}, corpus);
  return r.queries ? std::llround(1 / r.reciprocal) : 0;
}

// A person steps through the trace: does some step name the document? And where the whole completion does not, why not.
void write_steps_of_facts(std::ostream& out, const Corpus& corpus, const std::vector<Outcome>& outcomes,
                          const std::vector<InfluenceTable>& tables) {
  int facts = 0, first = 0, in_ten = 0, steps = 0;
  std::string missed;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const InfluenceTable& table = tables[i];
    const int64_t whole = rank_of(outcomes[i], completion_scores(table), corpus);
    if (whole == 0) continue;
    int64_t best = table.documents;
    std::string each;
    for (int32_t s = 0; s < table.steps; ++s) {
      const auto row = table.scores.begin() + std::ptrdiff_t{s} * table.documents;
      const int64_t rank = rank_of(outcomes[i], {row, row + table.documents}, corpus);
      best = std::min(best, rank);
      each += fmt::format("{}{:.3f} nats, {}", s ? "; " : "", table.nats[static_cast<size_t>(s)], rank);
    }
    ++facts;
    steps += table.steps;
    first += best == 1;
    in_ten += best <= 10;
    if (whole > 10) missed += fmt::format("| {} | {} | {} |\n", outcomes[i].asked.prompt, whole, each);
  }
  if (!facts) return;
  fmt::print(
      out,
      "\nStep by step, EK-FAC: a document that states the fact is first at one of the completion's steps for {:.1f} % "
      "of the {} facts, and among the first 10 at one of them for {:.1f} % ({:.1f} steps a completion, so as many "
      "chances).\n",
      100.0 * first / facts, facts, 100.0 * in_ten / facts, double(steps) / facts);
  if (!missed.empty())
    fmt::print(out,
               "\nThe completions whose first 10 hold none, by EK-FAC:\n\n| asked | rank of the first that states it | "
               "each step's nats and rank |\n|---|---|---|\n{}",
               missed);
}

void write_facts(std::ostream& out, const Model& model, const Factors& factors, const Corpus& corpus,
                 const std::vector<Outcome>& with, const std::vector<Outcome>& without, const Control& control) {
  fmt::print(out,
             "Is the document that states it found? Each fact answered right is traced among {} documents. A document "
             "counts when its text "
             "states the fact asked for.\n\n"
             "| query | method | facts | first | in the first 10 | mean reciprocal rank |\n|---|---|---|---|---|---|\n",
             corpus.documents.size());
  const auto row = [&](const char* query, const std::string& method, const std::vector<Outcome>& outcomes,
                       const std::vector<InfluenceTable>& tables, Scorer scorer) {
    std::vector<std::vector<float>> scores;
    for (size_t i = 0; i < outcomes.size(); ++i) scores.push_back(scorer(outcomes[i], tables[i]));
    const Retrieval r = retrieval(outcomes, scores, corpus);
    fmt::print(out, "| {} | {} | {} | {:.1f} % | {:.1f} % | {:.3f} |\n", query,
               method == "ekfac" ? "EK-FAC" : "gradient dot product", r.queries, 100 * r.first, 100 * r.in_ten,
               r.reciprocal);
    out.flush();
  };
  std::vector<InfluenceTable> curved;
  for (const std::string method : {"ekfac", "gradient"}) {
    {
      const auto tables = tables_of(model, factors, corpus, without, method, control);
      row("the answer, with an empty thought", method, without, tables, of_completion);
    }
    const auto tables = tables_of(model, factors, corpus, with, method, control);
    row("the step that names the answer", method, with, tables, of_naming_step);
    row("the whole completion with its thought", method, with, tables, of_completion);
    if (method == "ekfac") curved = tables;
  }
  write_steps_of_facts(out, corpus, with, curved);
  fmt::print(out, "\n");
}

// The mean of pairwise correlations of score rows, within one group or between two.
double mean_correlation(const std::vector<std::vector<float>>& a, const std::vector<std::vector<float>>& b, bool same) {
  double sum = 0;
  int pairs = 0;
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = same ? i + 1 : 0; j < b.size(); ++j) {
      sum += correlation(a[i], b[j]);
      ++pairs;
    }
  return pairs ? sum / pairs : std::nan("");
}

void write_reasoning(std::ostream& out, const Model& model, const Factors& factors, const Corpus& corpus,
                     const std::vector<Outcome>& asked, int each_task, const Control& control) {
  std::map<std::string, int> corpus_sources;
  for (const Document& d : corpus.documents) ++corpus_sources[d.source];
  const char* methods[] = {"ekfac", "gradient"};
  for (const std::string method : methods) {
    std::map<std::string, std::vector<InfluenceTable>> tables;
    std::map<std::string, std::vector<std::vector<float>>> rows;
    fmt::print(out,
               "### {}\n\n{} queries a task; the {} strongest proponents of each completion.\n\n"
               "| task | same task among them | share of the corpus | times |\n|---|---|---|---|\n",
               method == "ekfac" ? "EK-FAC" : "gradient dot product", each_task, strong);
    std::map<std::string, std::map<std::string, int>> by_source;
    std::vector<Outcome> outcomes;
    for (const std::string& task : reasoning)
      for (Outcome& o : first_right(asked, task, each_task)) outcomes.push_back(std::move(o));
    auto all = tables_of(model, factors, corpus, outcomes, method, control);  // one pass over the corpus
    for (size_t i = 0; i < all.size(); ++i) tables[outcomes[i].asked.task].push_back(std::move(all[i]));
    for (const std::string& task : reasoning) {
      if (tables[task].empty()) continue;
      TaskShare mean;
      for (const InfluenceTable& table : tables[task]) {
        rows[task].push_back(completion_scores(table));
        const auto documents = strongest(rows[task].back(), strong);
        const TaskShare s = task_share(documents, corpus, task);
        mean.share += s.share / static_cast<double>(tables[task].size());
        mean.corpus = s.corpus;
        for (const auto& [source, count] : sources(documents, corpus)) by_source[task][source] += count;
      }
      fmt::print(out, "| {} | {:.3f} | {:.3f} | {:.1f} |\n", task, mean.share, mean.corpus, mean.share / mean.corpus);
    }
    fmt::print(out,
               "\nBy source, share of those {} (share of the corpus in brackets):\n\n| source | arithmetic | slope | "
               "linear | corpus |\n|---|---|---|---|---|\n",
               strong);
    for (const auto& [source, count] : corpus_sources) {
      fmt::print(out, "| {} |", source);
      for (const std::string& task : reasoning) {
        double all = 0;
        for (const auto& [s, n] : by_source[task]) all += n;
        fmt::print(out, " {:.3f} |", all > 0 ? by_source[task][source] / all : std::nan(""));
      }
      fmt::print(out, " {:.3f} |\n", double(count) / double(corpus.documents.size()));
    }
    fmt::print(out,
               "\nCorrelation of document scores between queries (mean Pearson R over pairs):\n\n| | arithmetic | "
               "slope | linear |\n|---|---|---|---|\n");
    for (const std::string& a : reasoning) {
      fmt::print(out, "| {} |", a);
      for (const std::string& b : reasoning) fmt::print(out, " {:.3f} |", mean_correlation(rows[a], rows[b], a == b));
      fmt::print(out, "\n");
    }
    fmt::print(
        out,
        "\n#### The first and the second step\n\n| task | nats of step 1, 2 (median) | overlap of their {0} strongest "
        "| same task, step 1 | same task, step 2 | correlation of scores |\n|---|---|---|---|---|---|\n",
        strong);
    for (const std::string& task : reasoning) {
      double shared = 0, first = 0, second = 0, r = 0;
      int n = 0;
      std::vector<float> nats1, nats2;
      for (const InfluenceTable& table : tables[task]) {
        if (table.steps < 2) continue;
        const std::vector<float> one(table.scores.begin(), table.scores.begin() + table.documents);
        const std::vector<float> two(table.scores.begin() + table.documents,
                                     table.scores.begin() + 2 * std::ptrdiff_t{table.documents});
        const auto a = strongest(one, strong), b = strongest(two, strong);
        shared += overlap(a, b);
        first += task_share(a, corpus, task).share;
        second += task_share(b, corpus, task).share;
        r += correlation(one, two);
        nats1.push_back(table.nats[0]);
        nats2.push_back(table.nats[1]);
        ++n;
      }
      if (!n) continue;
      const auto median = [](std::vector<float> v) {
        std::nth_element(v.begin(), v.begin() + std::ptrdiff_t(v.size() / 2), v.end());
        return v[v.size() / 2];
      };
      fmt::print(out, "| {} | {:.3g}, {:.3g} | {:.3f} | {:.3f} | {:.3f} | {:.3f} |\n", task, median(nats1),
                 median(nats2), shared / n, first / n, second / n, r / n);
    }
    fmt::print(out, "\n");
  }
}

void write_time(std::ostream& out, const Model& model, const Factors& factors, const CorpusOptions& options,
                const Outcome& query, const Control& control) {
  CorpusOptions every = options;
  every.all = true;
  const Corpus corpus = every.load();
  const double rate = matmul_rate(*model.ops);
  const auto tables = tables_of(model, factors, corpus, {query}, "ekfac", control);
  const DocumentBatches batches(model, corpus, 2048, control);
  const double tracked = tracked_parameters(model), passed = passed_parameters(model), tokens = static_cast<double>(batches.tokens()),
               documents = static_cast<double>(batches.documents());
  const double queries = tables[0].steps + 1;
  const double scan_floor = stemma::scan_floor(passed, tracked, tokens, documents, queries) / rate;
  const double fit_floor = stemma::fit_floor(passed, double(factors.tokens)) / rate;
  fmt::print(out,
             "Matrix products on this device, measured in the same run: {:.1f} GFLOP/s ({}). Tracked parameters N = "
             "{:.0f}.\n\n"
             "| work | documents | tokens | seconds | floor, seconds | share of the floor's rate "
             "|\n|---|---|---|---|---|---|\n",
             rate / 1e9, model.ops->device(), tracked);
  fmt::print(out, "| fit (two passes of 4NT) | {} | {} | {:.1f} | {:.1f} | {:.0f} % |\n", factors.documents,
             factors.tokens, factors.seconds, fit_floor, 100 * fit_floor / factors.seconds);
  fmt::print(out, "| scan of {:.0f} queries (4NT + dot products) | {:.0f} | {:.0f} | {:.1f} | {:.1f} | {:.0f} % |\n\n",
             queries, documents, tokens, tables[0].seconds, scan_floor, 100 * scan_floor / tables[0].seconds);
  fmt::print(out,
             "The fit's floor leaves out its rotations and its eigenbases; the scan forms each document's gradient "
             "(2NT more). The fit ran when the factors were made.\n\n");
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

std::filesystem::path factors_path(const Options& options) {
  return options.factors.empty() ? std::filesystem::path(options.model) / "factors.h5"
                                 : std::filesystem::path(options.factors);
}

int run(const Options& options) {
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

Run setup_study(CLI::App& app) {
  auto options = std::make_shared<Options>();
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

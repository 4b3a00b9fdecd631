#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "app/commands/study_parts.h"
#include "runtime/study/sharing.h"

namespace stemma {
namespace {

const std::vector<std::string> reasoning = {"arithmetic", "slope", "linear"};
constexpr size_t strong = 50;  // documents looked at per query

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

}  // namespace

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

}  // namespace stemma

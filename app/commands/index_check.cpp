#include "app/commands/index_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "app/commands/terminal.h"
#include "runtime/influence/index/answer.h"
#include "runtime/study/index_recall.h"

namespace stemma {

nlohmann::ordered_json check_index(const AttributeOptions& options, IndexSearch& search,
                                   const std::vector<const Trace*>& traces, const Control& control) {
  constexpr int64_t k = 100;
  const std::vector<int64_t> counts = {200, 300, 400, 600, 1000};
  const Questions questions = questions_of(search.model(), traces, options.span);
  const auto found =
      index_recall(search, questions, k, candidate_options(options.rescore, options.top), counts, control);
  const auto mean = [&](const auto& value, const auto& counts_in) {
    double sum = 0, all = 0;
    for (const QueryRecall& query : found)
      if (counts_in(query)) sum += static_cast<double>(value(query)), ++all;
    return all > 0 ? nlohmann::ordered_json(sum / all) : nlohmann::ordered_json();
  };
  const auto every = [](const QueryRecall&) { return true; };
  const auto certain = [](const QueryRecall& query) { return std::abs(query.nats) < certain_step_nats; };
  const auto recall = [](const QueryRecall& query) { return query.recall; };
  nlohmann::ordered_json by_count = nlohmann::ordered_json::array(), by_query = nlohmann::ordered_json::array();
  for (size_t i = 0; i < counts.size(); ++i)
    by_count.push_back({{"scored", counts[i]},
                        {"recall", mean([&](const QueryRecall& query) { return query.recall_of[i]; }, every)},
                        {"recall_not_certain",
                         mean([&](const QueryRecall& query) { return query.recall_of[i]; }, std::not_fn(certain))}});
  for (const QueryRecall& query : found)
    by_query.push_back({{"nats", query.nats},
                        {"scored", query.scored},
                        {"recall", query.recall},
                        {"late", query.late},
                        {"correlation", query.agreement}});
  return {{"k", k},
          {"documents", search.index().documents()},
          {"queries", found.size()},
          {"scored", mean([](const QueryRecall& query) { return query.scored; }, every)},
          {"recall", mean(recall, every)},
          {"queries_not_certain", std::ranges::count_if(found, std::not_fn(certain))},
          {"recall_not_certain", mean(recall, std::not_fn(certain))},
          {"recall_certain", mean(recall, certain)},
          {"by_count", by_count},
          {"by_query", by_query}};
}

void print_index_check(const nlohmann::ordered_json& check) {
  fmt::print(
      "check: of the {} strongest documents of a scan of all {}, {:.1f} % are among the {:.0f} scored exactly "
      "({} queries; the steps that the model was not all but certain of: {:.1f} %)\n",
      check["k"].get<int64_t>(), in_thousands(check["documents"].get<int64_t>()), 100 * check["recall"].get<double>(),
      check["scored"].get<double>(), check["queries"].get<int64_t>(),
      check["recall_not_certain"].is_null() ? std::nan("") : 100 * check["recall_not_certain"].get<double>());
}

}  // namespace stemma

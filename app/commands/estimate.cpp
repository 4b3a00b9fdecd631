#include "app/commands/estimate.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "app/commands/model_size.h"
#include "kernels/side_by_side.h"
#include "runtime/clock.h"
#include "runtime/corpus/packing.h"
#include "runtime/influence/curvature/blocks.h"
#include "runtime/influence/curvature/eigen.h"
#include "runtime/influence/scan/batch_size.h"
#include "runtime/influence/scan/scan.h"
#include "runtime/influence/scan/scan_low_rank.h"
#include "runtime/influence/tables/make_tables.h"
#include "runtime/influence/tables/show_documents.h"
#include "runtime/influence/tracked.h"
#include "runtime/random.h"
#include "runtime/study/rate.h"

namespace stemma {

namespace {

// Stages that cost what the model or the queries are, however long the corpus is.
const std::set<std::string> constant_stages = {"eigenbases", "query gradients"};

constexpr double long_enough = 2;  // seconds of a part
constexpr size_t first_tokens = 512;
constexpr int64_t timed_width = 1024;  // of a decomposition
constexpr double timed_numbers = 2e8;  // of the gradients that are made, but two queries at least

std::vector<int64_t> token_counts(const Model& model, const Corpus& corpus) {
  std::vector<int64_t> counts;
  for (const auto& document : corpus.documents) {
    const auto tokens = document_tokens(*model.tokenizer, document.text, model.config.context).size();
    counts.push_back(tokens < 2 ? 0 : static_cast<int64_t>(tokens) - 1);  // that predict one, as the work counts them
  }
  return counts;
}

struct Part {
  Corpus corpus;
  int64_t tokens = 0;
};

Part part_of(const Corpus& corpus, const std::vector<int64_t>& counts, size_t documents) {
  Part part;
  part.corpus.paths = corpus.paths;
  part.corpus.hash = corpus.hash;
  for (size_t i = 0; i < documents; ++i) {
    const size_t which = i * corpus.documents.size() / documents;
    part.corpus.documents.push_back(corpus.documents[which]);
    part.corpus.bytes += static_cast<int64_t>(corpus.documents[which].text.size());
    part.tokens += counts[which];
  }
  part.corpus.total = static_cast<int64_t>(documents);
  return part;
}

using Stages = std::map<std::string, double>;

// Seconds of each stage; from one stage's first news to the next one's.
Stages seconds_of(const Part& part, const Control& control, const MeasuredWork& work, int64_t& batches) {
  Stages stages;
  std::string stage = "start";
  auto last = Clock::now();
  const auto turn = [&](const std::string& next) {
    stages[stage] += seconds_since(last);
    stage = next;
    last = Clock::now();
  };
  Control timed;
  timed.report = [&](const Progress& progress) {
    control.check();
    if (progress.stage != stage) turn(progress.stage);
  };
  batches = work(part.corpus, timed);
  turn("");
  return stages;
}

double sum_of(const Stages& stages) {
  double sum = 0;
  for (const auto& [stage, seconds] : stages)
    if (!constant_stages.contains(stage)) sum += seconds;
  return sum;
}

// Of each of some that are decomposed together.
double seconds_of_eigenvectors(const std::shared_ptr<Ops>& ops, int64_t width, int64_t together) {
  const int64_t n = std::min(width, timed_width), rows = n + n / 2;
  Random random(5);
  std::vector<float> numbers(static_cast<size_t>(rows * n));
  for (float& number : numbers) number = static_cast<float>(random.normal());
  Buffer x(ops, rows, n), gram(ops, n, n);
  x.upload(numbers.data());
  gram.zero();
  ops->gram(x, gram);
  numbers.resize(static_cast<size_t>(n * n));
  gram.download(numbers.data());
  double best = INFINITY, sum = 0;
  for (int i = 0; i < 2 || (i < 10 && sum < 0.2); ++i) {
    const auto start = Clock::now();
    side_by_side(static_cast<int>(together), together,
                 [&](int, int64_t) { eigenvectors_of_blocks(*ops, numbers, n, static_cast<double>(rows)); });
    best = std::min(best, seconds_since(start));
    sum += seconds_since(start);
  }
  return best / static_cast<double>(together) * std::pow(static_cast<double>(width) / static_cast<double>(n), 3);
}

double seconds_of_eigenbases(const Model& model, const LayerChoice& choice) {
  std::map<int64_t, int64_t> widths;  // how many matrices of each are decomposed
  std::set<size_t> inputs;
  for (const size_t i : chosen_layers(model, choice.pattern)) {
    const Tensor weight = tracked_weight(model, i);
    widths[weight.rows / choice.blocks] += choice.blocks;
    if (inputs.insert(owner_of_input(model, i)).second) widths[weight.columns / choice.blocks] += choice.blocks;
  }
  double seconds = 0;
  for (const auto& [width, count] : widths)
    seconds += static_cast<double>(count) *
               seconds_of_eigenvectors(model.ops, width, decomposed_together(*model.ops, width));
  return seconds;
}

int64_t timed_queries(const Model& model, const Factors* factors, const PlannedScan& planned) {
  const LayerChoice choice = factors ? factors->choice : LayerChoice();
  const auto few = static_cast<int64_t>(timed_numbers / tracked_parameters(model, choice));
  return std::min(planned.queries, std::max<int64_t>(2, few));
}

// Of what it takes to show all documents for each table, as of a small part: each names some for every question, at
// most.
double share_shown(const PlannedScan& planned, int64_t documents) {
  double named = 0;
  for (const TraceQueries& part : planned.asked->parts)
    named += std::min(static_cast<double>(documents), 2.0 * planned.top * static_cast<double>(part.steps.size()));
  return named / static_cast<double>(documents * static_cast<int64_t>(planned.asked->parts.size()));
}

// `rows` over and over, as they lie.
Buffer repeated(const std::shared_ptr<Ops>& ops, Tensor rows, int64_t count) {
  if (!rows || rows.rows == 0) return {};
  Buffer all(ops, count, rows.columns);
  for (int64_t begin = 0; begin < count; begin += rows.rows)
    ops->copy(all.view().row(begin), rows.data,
              sizeof(float) * static_cast<size_t>(std::min(rows.rows, count - begin) * rows.columns));
  return all;
}

// A scan whose queries are made once, for the first part.
class ScanOfParts {
 public:
  // `whole`: of the corpus, whose mean batch decides how documents meet queries of low rank.
  ScanOfParts(const Model& model, const Factors* factors, const PlannedScan& planned, const DocumentBatches& whole)
      : model_(model), factors_(factors), planned_(planned), whole_(whole) {}

  int64_t run(const Corpus& part, const Control& control) {
    const DocumentBatches batches(model_, part, planned_.batch_tokens, control);
    if (timed_ == 0) make_queries(batches, control);
    if (planned_.rank > 0)
      scan(model_, low_, choose_routes(model_, low_, planned_.precision, whole_), planned_.precision, batches,
           part.documents.size(), control);
    else
      show(part, batches, scan(model_, full_, batches, part.documents.size(), control), control);
    return batches.batches();
  }
  int64_t timed() const { return timed_; }  // queries that were made

 private:
  void make_queries(const DocumentBatches& batches, const Control& control) {
    const Questions few = planned_.asked ? spread_over(*planned_.asked) : halves_of(batches);
    timed_ = static_cast<int64_t>(few.queries.size());
    control.say({"query gradients", 0, double(planned_.queries)});
    if (planned_.rank > 0) {
      low_ = low_rank_queries(model_, factors_, few.queries, planned_.rank, control);
    } else {
      full_ = gradients_of(model_, few, factors_);
      if (factors_) precondition(model_, *factors_, full_);
    }
    control.say({"as many queries as planned", 0, 0});
    repeat_queries();
  }

  Questions spread_over(const Questions& all) const {
    const auto count = static_cast<int64_t>(all.queries.size()), timed = timed_queries(model_, factors_, planned_);
    Questions few;
    for (int64_t i = 0; i < timed; ++i)
      few.queries.push_back(all.queries[static_cast<size_t>((2 * i + 1) * count / (2 * timed))]);
    few.against = all.against;
    return few;
  }

  Questions halves_of(const DocumentBatches& batches) const {
    std::vector<const std::vector<int32_t>*> documents;
    for (int64_t d = 0; d < batches.documents(); ++d)
      if (batches.document(static_cast<int32_t>(d)).size() >= 2)
        documents.push_back(&batches.document(static_cast<int32_t>(d)));
    Questions few;
    for (int64_t q = 0; q < timed_queries(model_, factors_, planned_) && !documents.empty(); ++q) {
      const auto* tokens = documents[static_cast<size_t>(q) % documents.size()];
      const auto size =
          static_cast<int32_t>(std::min<int64_t>(static_cast<int64_t>(tokens->size()), planned_.query_tokens));
      few.queries.push_back({tokens, std::max(1, size / 2), size});
    }
    return few;
  }

  void show(const Corpus& part, const DocumentBatches& batches, const std::vector<float>& scores,
            const Control& control) {
    if (!planned_.asked || planned_.top == 0) return;
    std::vector<TraceQueries> parts = planned_.asked->parts;
    const DocumentNames names(part);
    std::vector<InfluenceTable> tables;
    for (TraceQueries& of : parts) {
      of.whole.reset();  // a query more, as estimate_scan counts it
      tables.push_back(
          table_of(of, scores.data() + of.first * part.documents.size(), full_.nats, part, names, planned_.top));
    }
    Ranks alone;
    show_documents({model_, factors_, part, batches, FitOptions().batch_tokens, 1, {}}, full_, parts, tables, alone,
                   control);
  }

  void repeat_queries() {
    const auto count = static_cast<size_t>(planned_.queries);
    for (Buffer& layer : full_.layers) layer = repeated(model_.ops, layer, planned_.queries);
    for (LowRankQueries::Layer& layer : low_.layers)
      for (Buffer* side : {&layer.left, &layer.right})
        *side = repeated(model_.ops, *side, planned_.queries * layer.rank);
    for (std::vector<float>* nats : {&full_.nats, &low_.nats})
      if (!nats->empty()) nats->resize(count, 1.0f);
    if (!low_.errors.empty()) low_.errors.resize(count);
  }

  const Model& model_;
  const Factors* factors_;
  const PlannedScan& planned_;
  const DocumentBatches& whole_;
  int64_t timed_ = 0;
  QueryGradients full_;
  LowRankQueries low_;
};

}  // namespace

Estimate estimate(const Model& model, const Corpus& corpus, const Control& control, int64_t batches,
                  const MeasuredWork& work) {
  Estimate result;
  const std::vector<int64_t> counts = token_counts(model, corpus);
  result.documents = static_cast<int64_t>(counts.size());
  for (const int64_t count : counts) result.tokens += count;
  const auto all = static_cast<double>(result.tokens);
  const auto part = [&](size_t documents) {
    return part_of(corpus, counts, std::clamp<size_t>(documents, 1, counts.size()));
  };
  Part measured = part(first_tokens * counts.size() / static_cast<size_t>(std::max<int64_t>(1, result.tokens))), before;
  int64_t runs_now = 0, runs_before = 0;  // batches of the two latest parts
  Stages stages, earlier, constant;
  // Twice: the first run meets memory that nobody has touched, which long work does but once.
  const auto run = [&] {
    stages = seconds_of(measured, control, work, runs_now);
    for (const auto& [stage, seconds] : seconds_of(measured, control, work, runs_now))
      stages[stage] = stages.contains(stage) ? std::min(stages[stage], seconds) : seconds;
    for (const auto& [stage, seconds] : stages)
      if (constant_stages.contains(stage)) constant[stage] = std::max(constant[stage], seconds);
  };
  run();
  // Two parts tell what batches cost from what their tokens cost.
  do {
    before = std::exchange(measured, part(2 * measured.corpus.documents.size()));
    runs_before = runs_now;
    earlier = stages;
    run();
  } while (sum_of(stages) < long_enough && measured.corpus.documents.size() < counts.size());
  result.measured_documents = static_cast<int64_t>(measured.corpus.documents.size());
  const auto tokens = static_cast<double>(measured.tokens), fewer = static_cast<double>(before.tokens),
             times = static_cast<double>(runs_now), less_often = static_cast<double>(runs_before);
  // seconds = tokens per_token + times per_batch; the same of the part before. Parts of whole batches tell both costs
  // together, and need no more.
  const double apart = fewer * times - tokens * less_often;
  const bool both = std::abs(apart) > 0.2 * tokens * times;
  double growing = 0;
  for (const auto& [stage, seconds] : stages) {
    if (constant_stages.contains(stage)) continue;
    StageCost cost{seconds / std::max(1.0, tokens), 0};
    if (const double less = earlier[stage]; both && seconds > less) {
      cost.per_token = (less * times - seconds * less_often) / apart;
      cost.per_batch = std::max(0.0, (fewer * seconds - tokens * less) / apart);
    }
    result.costs[stage] = cost;
    result.stages[stage] = cost.of(all, static_cast<double>(batches));
    growing += batches > 1 ? result.stages[stage] / std::max(1.0, all) : cost.per_token;
  }
  result.stages.merge(constant);
  for (const auto& [stage, seconds] : result.stages) result.seconds += seconds;
  result.tokens_per_second = 1 / growing;
  return result;
}

Estimate estimate_fit(const Model& model, const Corpus& corpus, const FitOptions& options, const Control& control,
                      std::unique_ptr<Factors>* factors) {
  FitOptions trial = options;
  trial.trial = true;
  Estimate result = estimate(model, corpus, control, 1, [&](const Corpus& part, const Control& timed) {
    auto fitted = std::make_unique<Factors>(fit_factors(model, part, trial, timed));
    if (factors) *factors = std::move(fitted);
    return 1;
  });
  result.seconds -= result.stages["eigenbases"];
  result.seconds += result.stages["eigenbases"] = seconds_of_eigenbases(model, options.choice);
  return result;
}

Estimate estimate_scan(const Model& model, const Factors* factors, const Corpus& corpus, const PlannedScan& planned,
                       const Control& control) {
  DocumentBatches whole(model, corpus, usual_batch_tokens, control);
  PlannedScan packed = planned;
  if (packed.batch_tokens == 0)
    packed.batch_tokens = scan_batch_tokens(model,
                                            {.count = planned.queries,
                                             .choice = factors ? factors->choice : LayerChoice(),
                                             .rank = planned.rank,
                                             .precision = planned.precision},
                                            whole);
  whole.pack_again(packed.batch_tokens);
  ScanOfParts scan(model, factors, packed, whole);
  Estimate result = estimate(model, corpus, control, whole.batches(),
                             [&](const Corpus& part, const Control& timed) { return scan.run(part, timed); });
  const auto change = [&](const std::string& stage, double times) {
    const auto found = result.stages.find(stage);
    if (found == result.stages.end()) return;
    result.seconds += found->second * (times - 1);
    found->second *= times;
  };
  // Documents that are shown are held against their whole completions.
  const bool shows = planned.asked && planned.top > 0;
  const int64_t wholes =
      shows ? std::ranges::count_if(planned.asked->parts, [](const auto& part) { return part.whole.has_value(); }) : 0;
  result.measured_queries = scan.timed();
  change("query gradients",
         static_cast<double>(planned.queries + wholes) / static_cast<double>(std::max<int64_t>(1, scan.timed())));
  if (shows) change("tokens and layers of the documents shown", share_shown(planned, result.documents));
  result.tokens_per_second = static_cast<double>(result.tokens) / result.stages["scanning the documents"];
  return result;
}

double seconds_of_second_stages(const Model& model, const Factors* factors, const Corpus& corpus,
                                const PlannedScan& one, double traces, int64_t rescored, const Control& control) {
  Estimate exact = estimate_scan(model, factors, corpus, one, control);
  const double share = std::min(1.0, 2.0 * static_cast<double>(rescored * one.queries) /
                                         static_cast<double>(std::max<size_t>(1, corpus.documents.size()))),
               tokens = share * static_cast<double>(exact.tokens), batches = std::ceil(tokens / usual_batch_tokens);
  return traces * (exact.stages["query gradients"] + exact.costs["scanning the documents"].of(tokens, batches) +
                   exact.stages["tokens and layers of the documents shown"]);
}

double fit_operations(const Model& model, const LayerChoice& choice, int64_t documents, int64_t tokens) {
  const auto t = static_cast<double>(tokens), d = static_cast<double>(documents);
  // Two passes forward and back; then covariances, and the documents' gradients in their eigenbasis.
  double operations = 8 * t * passed_parameters(model);
  for (const size_t i : chosen_layers(model, choice.pattern)) {
    const Tensor weight = tracked_weight(model, i);
    const auto m = static_cast<double>(weight.columns), p = static_cast<double>(weight.rows);
    const double covariances = 2 * t * (m * m + p * p), turned_gradients = 2 * d * m * p * (m + p);
    operations += 2 * t * m * p + (covariances + std::min(covariances, turned_gradients)) / choice.blocks;
  }
  return operations;
}

double scan_operations(const ModelConfig& config, int64_t tokens, int64_t documents, int64_t steps) {
  const auto tracked = static_cast<double>(size_of(config).linears());
  const double head = static_cast<double>(config.vocabulary) * config.width;
  return static_cast<double>(tokens) * (6 * tracked + 4 * head) +
         2 * static_cast<double>(documents) * static_cast<double>(steps) * tracked;
}

}  // namespace stemma

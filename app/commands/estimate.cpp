#include "app/commands/estimate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>
#include <utility>

#include "app/commands/model_size.h"
#include "runtime/influence/batch_size.h"
#include "runtime/influence/blocks.h"
#include "runtime/influence/scan.h"
#include "runtime/influence/scan_low_rank.h"
#include "runtime/influence/tracked.h"
#include "runtime/random.h"
#include "runtime/study/rate.h"

namespace stemma {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Stages that cost what the model or the queries are, however long the corpus is.
const std::set<std::string> constant_stages = {"eigenbases", "query gradients"};

constexpr double long_enough = 2;  // seconds of a part
constexpr size_t first_tokens = 512;
constexpr int64_t timed_width = 1024;  // of a decomposition
constexpr double timed_numbers = 2e8;  // of the gradients that are made

std::vector<int64_t> token_counts(const Model& model, const Corpus& corpus) {
  std::vector<int64_t> counts;
  for (const auto& document : corpus.documents)
    counts.push_back(
        std::min<int64_t>(static_cast<int64_t>(model.tokenizer->encode(document.text).size()), model.config.context));
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

double seconds_of_eigenvectors(const std::shared_ptr<Ops>& ops, int64_t width) {
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
    eigenvectors_of_blocks(*ops, numbers, n, static_cast<double>(rows));
    best = std::min(best, seconds_since(start));
    sum += seconds_since(start);
  }
  return best * std::pow(static_cast<double>(width) / static_cast<double>(n), 3);
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
  for (const auto& [width, count] : widths) seconds += static_cast<double>(count) * seconds_of_eigenvectors(model.ops, width);
  return seconds;
}

int64_t timed_queries(const Model& model, const Factors& factors, const PlannedScan& planned) {
  const auto few = static_cast<int64_t>(timed_numbers / tracked_parameters(model, factors.choice));
  return std::min(planned.queries, std::max<int64_t>(2, few));
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

// A scan whose queries are made once, of the first part's documents: the second half of a document stands for a step.
class ScanOfParts {
 public:
  // `whole`: of the corpus, whose mean batch decides how documents meet queries of low rank.
  ScanOfParts(const Model& model, const Factors& factors, const PlannedScan& planned, const DocumentBatches& whole)
      : model_(model), factors_(factors), planned_(planned), whole_(whole) {}

  int64_t run(const Corpus& part, const Control& control) {
    const DocumentBatches batches(model_, part, planned_.batch_tokens, control);
    if (!made_) make_queries(batches, control);
    if (planned_.rank > 0)
      scan(model_, low_, choose_routes(model_, low_, planned_.precision, whole_), planned_.precision, batches,
           part.documents.size(), control);
    else
      scan(model_, full_, batches, part.documents.size(), control);
    return batches.batches();
  }

 private:
  void make_queries(const DocumentBatches& batches, const Control& control) {
    std::vector<const std::vector<int32_t>*> documents;
    for (int64_t d = 0; d < batches.documents(); ++d)
      if (batches.document(static_cast<int32_t>(d)).size() >= 2)
        documents.push_back(&batches.document(static_cast<int32_t>(d)));
    std::vector<Query> queries;
    for (int64_t q = 0; q < timed_queries(model_, factors_, planned_) && !documents.empty(); ++q) {
      const auto* tokens = documents[static_cast<size_t>(q) % documents.size()];
      const auto size =
          static_cast<int32_t>(std::min<int64_t>(static_cast<int64_t>(tokens->size()), planned_.query_tokens));
      queries.push_back({tokens, std::max(1, size / 2), size});
    }
    control.say({"query gradients", 0, double(planned_.queries)});
    if (planned_.rank > 0) {
      low_ = low_rank_queries(model_, &factors_, queries, planned_.rank, control);
    } else {
      full_ = preconditioned(model_, &factors_, queries);
    }
    control.say({"as many queries as planned", 0, 0});
    repeat_queries();
    made_ = true;
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
  const Factors& factors_;
  const PlannedScan& planned_;
  const DocumentBatches& whole_;
  bool made_ = false;
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
  Stages stages = seconds_of(measured, control, work, runs_now), earlier, constant;
  const auto remember = [&] {
    for (const auto& [stage, seconds] : stages)
      if (constant_stages.contains(stage)) constant[stage] = std::max(constant[stage], seconds);
  };
  remember();
  int runs = 1;
  // The first part meets memory that nobody has touched, so there is another one at least; and one more where batches
  // cost something that one part alone does not tell from what its tokens cost.
  const int fewest = batches > 1 ? 3 : 2;
  for (; runs < fewest || (sum_of(stages) < long_enough && measured.corpus.documents.size() < counts.size()); ++runs) {
    before = std::exchange(measured, part(2 * measured.corpus.documents.size()));
    runs_before = runs_now;
    earlier = std::exchange(stages, seconds_of(measured, control, work, runs_now));
    remember();
  }
  result.measured_documents = static_cast<int64_t>(measured.corpus.documents.size());
  const auto tokens = static_cast<double>(measured.tokens), fewer = static_cast<double>(before.tokens),
             times = static_cast<double>(runs_now), less_often = static_cast<double>(runs_before);
  // seconds = tokens per_token + times per_batch; the same of the part before. Parts of whole batches tell both costs
  // together, and need no more.
  const double apart = fewer * times - tokens * less_often;
  const bool both = runs > 2 && std::abs(apart) > 0.2 * tokens * times;
  double growing = 0;
  for (const auto& [stage, seconds] : stages) {
    if (constant_stages.contains(stage)) continue;
    double per_token = seconds / std::max(1.0, tokens), per_batch = 0;
    if (const double less = earlier[stage]; both && seconds > less) {
      per_token = (less * times - seconds * less_often) / apart;
      per_batch = std::max(0.0, (fewer * seconds - tokens * less) / apart);
    }
    result.stages[stage] = per_batch * static_cast<double>(batches) + per_token * all;
    growing += batches > 1 ? result.stages[stage] / std::max(1.0, all) : per_token;
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

Estimate estimate_scan(const Model& model, const Factors& factors, const Corpus& corpus, const PlannedScan& planned,
                       const Control& control) {
  DocumentBatches whole(model, corpus, usual_batch_tokens, control);
  PlannedScan packed = planned;
  if (packed.batch_tokens == 0)
    packed.batch_tokens = scan_batch_tokens(
        model,
        {.count = planned.queries, .choice = factors.choice, .rank = planned.rank, .precision = planned.precision},
        whole);
  whole.pack_again(packed.batch_tokens);
  ScanOfParts scan(model, factors, packed, whole);
  Estimate result = estimate(model, corpus, control, whole.batches(),
                             [&](const Corpus& part, const Control& timed) { return scan.run(part, timed); });
  double& queries = result.stages["query gradients"];
  const double times =
                   static_cast<double>(planned.queries) / static_cast<double>(timed_queries(model, factors, planned)),
               more = queries * (times - 1);
  queries += more;
  result.seconds += more;
  return result;
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

#include "app/commands/bench/attribute.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/commands/estimate.h"
#include "app/commands/model_size.h"
#include "app/commands/options.h"
#include "app/commands/random_model.h"
#include "app/commands/terminal.h"
#include "runtime/influence/scan/batch_size.h"
#include "runtime/influence/scan/rescore.h"
#include "runtime/influence/scan/scan.h"
#include "runtime/influence/scan/scan_low_rank.h"
#include "runtime/influence/tracked.h"
#include "runtime/random.h"
#include "runtime/study/rate.h"

namespace stemma {
namespace {

// Seconds on the wall, or those that the processor gave this process.
struct Stopwatch {
  bool of_processor;

  double now() const {
    if (of_processor) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
};

struct Documents {
  int64_t count, tokens;  // by default
};
const std::map<std::string, Documents> documents_of = {{"demo", {4000, 50}}, {"10m", {64, 512}}, {"124m", {8, 512}}};

std::vector<float> normal_numbers(int64_t count, double spread, Random& random) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(spread * random.normal());
  return values;
}

// Lengths spread about the mean, as those of real documents are.
// A letter is a token.
Corpus random_corpus(int64_t count, int64_t tokens) {
  Random random(2);
  Corpus corpus;
  corpus.total = count;
  corpus.documents.resize(static_cast<size_t>(count));
  for (Document& document : corpus.documents) {
    document.text.resize(static_cast<size_t>(tokens / 2) + 1 + random.below(static_cast<uint64_t>(tokens)));
    for (char& letter : document.text) letter = static_cast<char>('a' + random.below(26));
  }
  return corpus;
}

QueryGradients random_queries(const Model& model, int count) {
  QueryGradients queries;
  queries.nats.assign(static_cast<size_t>(count), 1.0f);
  Random random(3);
  for (size_t i = 0; i < tracked_count(model); ++i) {
    const int64_t size = tracked_weight(model, i).size();
    queries.layers.emplace_back(model.ops, count, size);
    const std::vector<float> one = normal_numbers(size, 1, random);
    for (int q = 0; q < count; ++q)
      model.ops->upload(queries.layers.back().view().row(q), one.data(), one.size() * sizeof(float));
  }
  return queries;
}

LowRankQueries random_low_rank(const Model& model, int count, int64_t rank) {
  LowRankQueries queries = low_rank_room(model, chosen_layers(model, "all"), count, rank);
  queries.nats.assign(static_cast<size_t>(count), 1.0f);
  Random random(4);
  for (LowRankQueries::Layer& layer : queries.layers)
    for (Buffer* side : {&layer.left, &layer.right})
      side->upload(normal_numbers(side->view().size(), 1, random).data());
  return queries;
}

// Each as soon as it is measured: what is interrupted has shown what it had.
void print_now(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

std::string beside_plan(double seconds, double planned) {
  if (planned <= 0) return "";
  return fmt::format("; {:.2f} s, planned {:.2f} s ({:+.0f} %)", seconds, planned, 100 * (planned / seconds - 1));
}

struct Line {
  std::string work;
  double tokens_per_second = 0;
  double share = 0;                 // of the rate at which the floor would be reached
  double share_f32 = 0;             // the same where all products were f32
  double products = 0;              // done of what products could have been done in the time
  double seconds = 0, planned = 0;  // taken; as `stemma plan` foretells them, 0: it does not
};

std::string text_of(const Line& l) {
  return fmt::format("  {:24} {:9.0f} tokens/s  {:3.0f} % of the floor's rate{}, {:3.0f} % of the products' rate{}\n",
                     l.work, l.tokens_per_second, 100 * l.share,
                     l.share == l.share_f32 ? "" : fmt::format(" ({:.0f} % of it in f32)", 100 * l.share_f32),
                     100 * l.products, beside_plan(l.seconds, l.planned));
}

// What a piece of work takes at least, and what it does, in floating-point operations of products: in f32, and in bf16,
// where the floor then is.
struct Work {
  std::string name;
  double tokens, floor, operations;
  double planned = 0;
  double rounded = 0;
};

// Of products, FLOP/s.
struct MatrixRates {
  double f32 = 0, bf16 = 0;
};
MatrixRates rates_now(Ops& ops) {
  return {matmul_rate(ops), ops.multiplies_bf16() ? matmul_rate(ops, WeightType::bf16) : 0};
}
MatrixRates larger(const MatrixRates& a, const MatrixRates& b) {
  return {std::max(a.f32, b.f32), std::max(a.bf16, b.bf16)};
}

}  // namespace

int bench_attribute(const BenchAttribute& options) {
  const Documents usual = documents_of.at(options.shape);
  Model model = random_model(shape_config(options.shape), open_device(options.device));
  model.tokenizer =
      std::make_shared<const Tokenizer>(made_tokenizer(model.config.vocabulary), "{}", "a benchmark's tokenizer");
  const int64_t tokens_each = options.tokens ? options.tokens : usual.tokens;
  const Corpus corpus = random_corpus(options.documents ? options.documents : usual.count, tokens_each);
  const DocumentBatches batches(model, corpus, FitOptions().batch_tokens, {});
  // The documents stand for those of a long corpus, whose scan has large batches.
  const auto scan_tokens = [&](int count, int64_t rank, Precision precision) {
    if (options.batch > 0) return options.batch;
    return scan_batch_tokens(model, {.count = count, .rank = rank, .precision = precision},
                             {int64_t{1} << 30, (int64_t{1} << 30) * tokens_each});
  };
  const auto wanted = [&](const char* work) { return std::ranges::find(options.only, work) != options.only.end(); };
  const double tracked = tracked_parameters(model), passed = passed_parameters(model),
               tokens = static_cast<double>(batches.tokens());
  const Stopwatch time{options.processor_time};
  ProgressLine line;
  Control control;
  watch(control, line);

  if (!options.json)
    print_now(fmt::format("{}: {:.1f}M parameters, {:.2f}M tracked; {} documents, {} tokens; {}\n", options.shape,
                          static_cast<double>(size_of(model.config).total()) / 1e6, tracked / 1e6,
                          in_thousands(batches.documents()), in_thousands(batches.tokens()), model.ops->device()));

  // The rate of products around each run; where others use the machine too, both feel it.
  MatrixRates rate = rates_now(*model.ops), best_rate = rate;
  double eigenbases = 0;
  std::vector<Line> lines;
  const auto measure = [&](const Work& work, const std::function<double()>& run) {
    Line best{work.name};
    for (int i = 0; i < options.repeat; ++i) {
      const double seconds = run();
      const MatrixRates before = std::exchange(rate, rates_now(*model.ops)), around = larger(before, rate);
      best_rate = larger(best_rate, around);
      best.tokens_per_second = std::max(best.tokens_per_second, work.tokens / seconds);
      best.share_f32 = std::max(best.share_f32, work.floor / around.f32 / seconds);
      best.share = std::max(best.share, work.floor / (work.rounded > 0 ? around.bf16 : around.f32) / seconds);
      const double rounded = work.rounded > 0 ? work.rounded / around.bf16 : 0;
      best.products = std::max(best.products, (work.operations / around.f32 + rounded) / seconds);
    }
    best.seconds = work.tokens / best.tokens_per_second;
    best.planned = work.planned;
    lines.push_back(best);
    line.clear();
    if (!options.json) print_now(text_of(best));
  };

  // What `stemma plan` says, before each.
  std::unique_ptr<Factors> factors;
  double planned_fit = 0, planned_eigenbases = 0;
  const std::string scanning = "scanning the documents";
  const auto planned_scan = [&](int count, int64_t rank, Precision precision = Precision::f32) {
    if (!factors) return Estimate();
    return estimate_scan(model, factors.get(), corpus,
                         {.queries = count,
                          .rank = rank,
                          .precision = precision,
                          .batch_tokens = scan_tokens(count, rank, precision)},
                         control);
  };
  if (options.plan && !options.processor_time) {
    Estimate fit = estimate_fit(model, corpus, {}, control, &factors);
    planned_eigenbases = fit.stages["eigenbases"];
    planned_fit = fit.seconds - planned_eigenbases - fit.stages["reading the documents"];
  }
  if (wanted("fit"))
    measure({"fit", tokens, fit_floor(passed, tokens), fit_operations(model, {}, batches.documents(), batches.tokens()),
             planned_fit},
            [&] {
              const bool trial = !options.eigenbases || eigenbases > 0;
              std::map<std::string, double> stages;  // seconds; the eigenbases do not grow with the corpus
              std::string stage;
              double start = 0;
              Control timed;
              timed.report = [&](const Progress& progress) {
                control.say(progress);
                if (!stage.empty()) stages[stage] += time.now() - start;
                stage = progress.stage;
                start = time.now();
              };
              const double whole = time.now();
              fit_factors(model, batches, {.trial = trial}, timed);
              if (!trial) eigenbases = stages["eigenbases"];
              return time.now() - whole - stages["eigenbases"];
            });
  const double memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  const auto documents = static_cast<double>(batches.documents());
  const auto seconds_of = [&](const std::function<void()>& work) {
    const double start = time.now();
    work();
    return time.now() - start;
  };
  for (const int count : options.queries) {
    const LowRankQueries thin = wanted("thin") ? random_low_rank(model, count, options.rank) : LowRankQueries();
    DocumentBatches scanned = batches;
    for (const Precision precision : {Precision::f32, Precision::bf16}) {
      const bool rounds = precision == Precision::bf16;
      if (!wanted("thin") || (rounds && !model.ops->multiplies_bf16())) continue;
      scanned.pack_again(scan_tokens(count, options.rank, precision));
      const std::vector<Route> routes = choose_routes(model, thin, precision, scanned);
      double meetings[2] = {0, 0};  // by route
      for (size_t i = 0; i < routes.size(); ++i)
        meetings[static_cast<size_t>(routes[i])] +=
            static_cast<double>(scanned.batches()) *
            operations(routes[i], mean_meeting(tracked_weight(model, i), thin.layers[i].rank, count, scanned));
      const double formed = meetings[static_cast<size_t>(Route::gradients)],
                   other = 4 * passed * tokens + meetings[static_cast<size_t>(Route::tokens)];
      measure({fmt::format("scan, {} of rank {}{}", count, options.rank, rounds ? ", bf16" : ""), tokens,
               scan_floor(passed, tracked, tokens, documents, count), rounds ? formed : formed + other,
               planned_scan(count, options.rank, precision).stages[scanning], rounds ? other : 0},
              [&] {
                return seconds_of([&] {
                  scan(model, thin, routes, precision, scanned, static_cast<size_t>(batches.documents()), control);
                });
              });
    }
    if (!wanted("full")) continue;
    const double bytes = 4 * tracked * count;
    if (bytes > memory / 2) {
      tell(fmt::format("{} queries of this shape take {}, more than half of this machine's memory; left out", count,
                       in_bytes(bytes)));
      continue;
    }
    const QueryGradients queries = random_queries(model, count);
    Estimate planned = planned_scan(count, 0);
    scanned.pack_again(scan_tokens(count, 0, Precision::f32));
    measure(
        {fmt::format("scan, {}", count), tokens, scan_floor(passed, tracked, tokens, documents, count),
         scan_operations(model.config, batches.tokens(), batches.documents(), count), planned.stages[scanning]},
        [&] {
          return seconds_of([&] { scan(model, queries, scanned, static_cast<size_t>(batches.documents()), control); });
        });
    std::vector<int32_t> chosen;
    int64_t chosen_tokens = 0;
    for (int32_t d = 0; d < static_cast<int32_t>(batches.documents()); d += 4) {
      chosen.push_back(d);
      chosen_tokens += static_cast<int64_t>(batches.document(d).size()) - 1;
    }
    const auto some = static_cast<double>(chosen_tokens), fewer = static_cast<double>(chosen.size());
    measure({fmt::format("re-score, {}", count), some, scan_floor(passed, tracked, some, fewer, count),
             scan_operations(model.config, chosen_tokens, static_cast<int64_t>(chosen.size()), count),
             planned.costs[scanning].of(some, std::ceil(some / usual_batch_tokens))},
            [&] { return seconds_of([&] { rescore(model, queries, batches, chosen, usual_batch_tokens, control); }); });
  }
  line.clear();
  if (options.json) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const Line& l : lines)
      rows.push_back(
          {{"work", l.work},
           {"tokens_per_second", l.tokens_per_second},
           {"share_of_floor", l.share},
           {"share_of_f32_floor", l.share_f32},
           {"share_of_products", l.products},
           {"seconds", l.seconds},
           {"planned_seconds", l.planned > 0 ? nlohmann::ordered_json(l.planned) : nlohmann::ordered_json()}});
    print_json(
        {{"shape", options.shape},
         {"parameters", size_of(model.config).total()},
         {"tracked", tracked},
         {"documents", batches.documents()},
         {"tokens", batches.tokens()},
         {"device", model.ops->device()},
         {"matmul_gflops", best_rate.f32 / 1e9},
         {"matmul_bf16_gflops", best_rate.bf16 / 1e9},
         {"eigenbases_seconds", options.eigenbases ? nlohmann::ordered_json(eigenbases) : nlohmann::ordered_json()},
         {"planned_eigenbases_seconds", planned_eigenbases},
         {"processor_time", options.processor_time},
         {"runs", rows}});
    return 0;
  }
  fmt::print("  {:24} {:.1f} GFLOP/s, in bf16 {:.1f}\n", "products", best_rate.f32 / 1e9, best_rate.bf16 / 1e9);
  if (options.eigenbases)
    fmt::print("  {:24} {}, not in the fit's rate{}\n", "eigenbases", in_time(eigenbases),
               beside_plan(eigenbases, planned_eigenbases));
  if (options.processor_time) fmt::print("  seconds are the processor's, not the wall's\n");
  return 0;
}

}  // namespace stemma

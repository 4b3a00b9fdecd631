#include "runtime/influence/memory.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <thread>

#include "runtime/influence/curvature/eigen.h"
#include "runtime/influence/questions/low_rank.h"
#include "runtime/influence/scan/scan_low_rank.h"
#include "runtime/influence/tracked.h"
#include "runtime/model/forward.h"

namespace stemma {

namespace {

constexpr double number = sizeof(float);
constexpr double scratch = 3 << 20;                             // of products and attention
constexpr int64_t most_together = 48, parts_numbers = 8 << 20;  // kernels/influence/segments.cpp
constexpr double held_numbers = 4 << 20, block_columns = 1024, lanes = 16;
constexpr double met_queries = 128, expanded_queries = 12, expanded = 96 << 10;

struct LinearSizes {
  double inputs, outputs;
  bool owns_input;
};

std::vector<LinearSizes> linears_in(const Model& model, const LayerChoice& choice) {
  std::vector<LinearSizes> all;
  std::set<size_t> inputs;
  for (const size_t i : chosen_layers(model, choice.pattern)) {
    const Tensor weight = tracked_weight(model, i);
    all.push_back({static_cast<double>(weight.columns), static_cast<double>(weight.rows),
                   inputs.insert(owner_of_input(model, i)).second});
  }
  return all;
}

// The weights of rounded(), and a batch's rows as they are multiplied with them.
double rounded_bytes(const Model& model, int64_t rows) {
  const auto width = static_cast<double>(model.config.width), vocabulary = static_cast<double>(model.config.vocabulary);
  double weights = vocabulary * width, widest = static_cast<double>(logits_at_once(model, rows)) * vocabulary;
  for (size_t i = 0; i < tracked_count(model); ++i) {
    const Tensor weight = tracked_weight(model, i);
    weights += static_cast<double>(weight.size());
    widest = std::max(widest, static_cast<double>(rows * std::max(weight.rows, weight.columns)));
  }
  return 2 * (weights + widest) + static_cast<double>(model.rope.bytes() + model.local_rope.bytes());
}

// Blocks of a document's gradient (kernels/influence/segments.cpp): how many there are, and those of some documents, side by side
// on each thread.
double block_rows(double inputs, double outputs) {
  const double most = inputs <= 512 ? 48 : inputs <= 768 ? 96 : 192, fours = std::ceil(std::ceil(outputs / most) / 4);
  return 4 * std::ceil(outputs / (4 * fours) / 4);
}
double blocks_of(double inputs, double outputs) {
  return std::ceil(outputs / block_rows(inputs, outputs)) * std::ceil(inputs / block_columns);
}
double block_numbers(double inputs, double outputs) {
  return std::min(inputs, block_columns) * block_rows(inputs, outputs);
}
double blocks_bytes(double inputs, double outputs, int64_t documents) {
  const double one = block_numbers(inputs, outputs),
               all = one * static_cast<double>(std::min(documents, most_together));
  return number * static_cast<double>(std::thread::hardware_concurrency()) * std::min(held_numbers, all);
}

}  // namespace

// Every row takes as much, and a batch touches as many as it has; and the chunk of logits.
double pass_bytes(const Model& model, int64_t rows) {
  Workspace one(model);
  one.reserve(1, true);
  const int64_t vocabulary = model.config.vocabulary, chunk = logits_at_once(model, rows);
  const int chunks = model.config.logit_cap > 0 ? 2 : 1;
  return (static_cast<double>(one.bytes()) + number * model.config.width) * static_cast<double>(rows) +
         number * chunks * static_cast<double>(chunk * vocabulary) + scratch;
}

double FitMemory::peak() const { return std::max({covariances, eigenbases, eigenvalues}); }
double ScanMemory::peak() const { return std::max({queries, scan, tables}); }

FitMemory fit_memory(const Model& model, const DocumentBatches& batches, const FitOptions& options) {
  const auto linears = linears_in(model, options.choice);
  const int64_t rows = batches.largest();
  const double pass = pass_bytes(model, rows), blocks = options.choice.blocks;
  double sums = 0, widest = 0, held = 0, turned_inputs = 0, turned_gradients = 0;
  double host = 0, device = 0, lambda = 0, eigen = 0;
  for (const auto& [m, p, owns] : linears) {
    sums += number * ((owns ? m * m : 0) + p * p) / blocks;
    widest = std::max({widest, m, p});
    const bool tokens = tokens_first(batches, static_cast<int64_t>(m), static_cast<int64_t>(p));
    turned_inputs = std::max(turned_inputs, tokens ? static_cast<double>(rows) * m : p * m);
    turned_gradients = std::max(turned_gradients, tokens ? static_cast<double>(rows) * p : p * m);
    held = std::max(held, blocks_bytes(m, tokens ? p : p / blocks, 1));
  }
  // One block's columns, and what they turn into.
  const double columns = blocks > 1 ? number * 2 * static_cast<double>(rows) * widest / blocks : 0;
  const int64_t sides = std::ssize(linears) + std::ranges::count_if(linears, &LinearSizes::owns_input);
  for (const auto& [m, p, owns] : linears) {
    // LAPACK's matrix and work are f64, beside the sum on the host and the vectors that come out, block by block; some
    // together. The other sums wait, or are vectors by then, which are as many numbers.
    const double side = std::max(owns ? m : 0, p), block = side / blocks;
    const auto together = static_cast<double>(
        std::min(sides, decomposed_together(*model.ops, static_cast<int64_t>(block))));
    eigen = std::max(eigen, sums + together * (number * 2 * side * block + 24 * block * block));
    host += number * (m * m + p * p) / blocks;
    device += number * ((owns ? m * m : 0) + p * p) / blocks;
    lambda += number * m * p;
  }
  FitMemory memory;
  memory.covariances = pass + 2 * sums + columns;
  memory.eigenbases = pass + eigen;
  memory.eigenvalues = pass + host + device + 2 * lambda + number * (turned_inputs + turned_gradients) + columns + held;
  if (options.ranks && !options.ranks->alone())
    memory.waiting = static_cast<double>(shards_ahead(*options.ranks)) * std::max(sums, lambda);
  return memory;
}

ScanMemory scan_memory(const Model& model, const DocumentBatches& batches, int64_t documents,
                       const ScanQueries& asked) {
  double tracked = 0, held = 0, widest_block = 0, most_blocks = 0, rotation = 0, thin = 0, decomposition = 0,
         turned_inputs = 0, turned_gradients = 0;
  for (const auto& [m, p, owns] : linears_in(model, asked.choice)) {
    tracked += m * p;
    held = std::max(held, blocks_bytes(m, p, batches.most_documents()));
    widest_block = std::max(widest_block, block_numbers(m, p));
    most_blocks = std::max(most_blocks, blocks_of(m, p));
    const auto together = static_cast<double>(
        std::min(asked.count, preconditioned_together(static_cast<int64_t>(m) * static_cast<int64_t>(p))));
    rotation = std::max(rotation, number * ((m * m + p * p) / asked.choice.blocks + (1 + 2 * together) * m * p));
    if (tokens_first(static_cast<double>(asked.query_tokens), static_cast<int64_t>(m), static_cast<int64_t>(p))) {
      turned_inputs = std::max(turned_inputs, m);
      turned_gradients = std::max(turned_gradients, p);
    }
    thin += number * std::min({static_cast<double>(asked.rank), m, p}) * (m + p);
    decomposition = std::max(decomposition, number * m * p);
  }
  const auto count = static_cast<double>(asked.count), d = static_cast<double>(documents);
  const double scores = number * count * d;
  const auto threads = static_cast<double>(std::thread::hardware_concurrency());
  const auto parts = [&](double queries) {
    const auto most = static_cast<double>(batches.most_documents()), batch = queries * most,
               near = std::min(queries, met_queries) * std::min(most, double{most_together});
    return number *
           (std::min(static_cast<double>(parts_numbers), most_blocks * batch) + 2 * batch + threads * lanes * near);
  };
  const double names = d * 2 * (sizeof(std::string) + 32);  // of documents and sources
  // Of `queries` at once, whole.
  const auto making = [&](int64_t queries) {
    const int64_t rows = std::min<int64_t>(std::max(query_batch_tokens, asked.query_tokens), queries * asked.query_tokens);
    return number * tracked * static_cast<double>(queries) +
           std::max({pass_bytes(model, rows) + number * static_cast<double>(rows) * (turned_inputs + turned_gradients),
                     rotation, decomposition});
  };
  const auto scanning = [&](int64_t rows) { return pass_bytes(model, rows) + held; };
  const double pass = scanning(batches.largest());
  ScanMemory memory;
  if (asked.rank == 0) {
    const double gradients = number * tracked * count;
    memory.queries = making(asked.count);
    memory.scan = gradients + scores + parts(count) + pass;
    memory.tables = gradients + 2 * scores + names;
    return memory;
  }
  const std::vector<size_t> layers = chosen_layers(model, asked.choice.pattern);
  const auto at_once = static_cast<int64_t>(queries_at_once(model, layers, low_rank_making_bytes));
  const auto block = static_cast<double>(met_by_tokens(batches.largest(), asked.rank, asked.count)),
             rows = static_cast<double>(batches.largest());
  double rooms = 0, paired = 0;  // of a layer, by its route
  bool gradients = false;
  double quick = asked.precision == Precision::bf16 ? rounded_bytes(model, batches.largest()) : 0;
  for (const size_t i : layers) {
    const Tensor weight = tracked_weight(model, i);
    const int64_t rank = std::min({asked.rank, weight.rows, weight.columns});
    const double width = static_cast<double>(rank * (weight.rows + weight.columns));
    if (cheaper_route(mean_meeting(weight, rank, asked.count, batches), asked.precision) == Route::gradients) {
      gradients = true;
      if (asked.precision == Precision::bf16)
        paired = std::max(paired, number / 2 * rows * static_cast<double>(weight.rows + weight.columns));
    } else {
      if (asked.precision == Precision::bf16) quick += 2 * count * width;
      rooms = std::max(rooms, number * 2 * block * rows * static_cast<double>(rank));
    }
  }
  const double met = 2 * number * count * (rows + static_cast<double>(batches.most_documents()));
  const double multiplied_out = number * threads * expanded_queries * std::min(expanded, widest_block);
  const double trace = static_cast<double>(std::min(asked.together, asked.count));
  memory.queries = thin * count + making(std::min(asked.count, at_once));
  memory.scan =
      thin * count + scores + rooms + paired + met + (gradients ? parts(count) + multiplied_out : 0) + pass + quick;
  memory.tables =
      thin * count + scores + number * trace * d +
      std::max(making(std::min(asked.together, asked.count)),
               number * tracked * trace + parts(trace) + scanning(std::min(batches.largest(), usual_batch_tokens))) +
      names;
  return memory;
}

double factors_file_bytes(const Model& model, const LayerChoice& choice) {
  double numbers = 0;
  for (const auto& [m, p, owns] : linears_in(model, choice)) numbers += (m * m + p * p) / choice.blocks + m * p;
  return number * numbers;
}

double scores_file_bytes(int64_t documents, int64_t queries) {
  return number * static_cast<double>(documents) * static_cast<double>(queries);
}

}  // namespace stemma

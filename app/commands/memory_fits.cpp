#include "app/commands/memory_fits.h"

#include <fmt/format.h>

#include <functional>
#include <string>

#include "app/commands/terminal.h"
#include "runtime/influence/scan/batch_size.h"

namespace stemma {

namespace {

// Of all ranks on this machine, each as much, and of what waits on the first.
double fit_here(const FitMemory& memory, const Ranks* ranks) {
  return memory.peak() * (ranks ? ranks->here() : 1) + memory.waiting;
}

// The nearest choice of layers that fits: more blocks first, then MLP alone.
std::string what_would_fit(const Model& model, const DocumentBatches& batches, FitOptions fit, double available) {
  const LayerChoice asked = fit.choice;
  for (const std::string& pattern : {asked.pattern, std::string("mlp")})
    for (const int blocks : {1, 2, 4}) {
      fit.choice = {pattern, blocks};
      if ((pattern == asked.pattern && blocks <= asked.blocks) ||
          fit_here(fit_memory(model, batches, fit), fit.ranks) > available)
        continue;
      return fmt::format("stemma fit{}{} would fit", pattern == asked.pattern ? "" : " --layers mlp",
                         blocks > 1 ? fmt::format(" --blocks {}", blocks) : "");
    }
  return fit.ranks && fit.ranks->here() > 1 ? "fewer ranks a machine would take less"
                                            : "it needs a machine with more, or --layers with fewer of them";
}

// A first stage of low rank, or fewer queries; `bytes_of` all ranks on this machine.
std::string smaller_scan(const std::function<double(const ScanQueries&)>& bytes_of, ScanQueries asked,
                         double available) {
  for (const int64_t rank : {128, 32, 8}) {
    ScanQueries lower = asked;
    lower.rank = rank;
    if ((asked.rank == 0 || rank < asked.rank) && bytes_of(lower) <= available)
      return fmt::format("--rank {} would fit, with an exact second stage", rank);
  }
  while (bytes_of(asked) > available) asked.count /= 2;
  return asked.count > 0
             ? fmt::format("{} at once would fit: choose traces with --trace, or fewer documents with --sample",
                           in_thousands(asked.count))
             : "not even one would fit: choose fewer documents with --sample, or a machine with more";
}

}  // namespace

InfluenceMemory expect_memory_to_fit(const Model& model, const Corpus& corpus, const PlannedWork& work,
                                     const Control& control) {
  const DocumentBatches batches(model, corpus, FitOptions().batch_tokens, control);
  DocumentBatches scanned = batches;
  const auto documents = static_cast<int64_t>(corpus.documents.size());
  const auto scan_of = [&](const ScanQueries& queries) {
    if (queries.count == 0) return ScanMemory{};
    scanned.pack_again(scan_batch_tokens(model, queries, batches));
    return scan_memory(model, scanned, documents, queries);
  };
  InfluenceMemory memory;
  memory.tokens = batches.tokens();
  memory.documents = static_cast<double>(batches.bytes());
  const FitOptions fit = work.fit ? *work.fit : FitOptions();
  memory.fit = fit_memory(model, batches, fit);
  memory.scan = scan_of(work.scan);
  if (model.ops->device() != "cpu") return memory;
  memory.available = model.ops->memory().free;
  if (memory.available <= 0) return memory;
  if (const double needed = fit_here(memory.fit, fit.ranks); work.fit && needed > memory.available)
    throw Error(ErrorCode::does_not_fit,
                fmt::format("a fit of this model takes {} of memory and {} are free; {}", in_bytes(needed),
                            in_bytes(memory.available), what_would_fit(model, batches, fit, memory.available)));
  const auto scan_here = [&](const ScanQueries& queries) {
    return scan_of(queries).peak() * (work.ranks ? work.ranks->here() : 1);
  };
  if (const double needed = scan_here(work.scan); needed > memory.available) {
    throw Error(ErrorCode::does_not_fit,
                fmt::format("a scan of {} queries takes {} of memory and {} are free; {}",
                            in_thousands(work.scan.count), in_bytes(needed), in_bytes(memory.available),
                            smaller_scan(scan_here, work.scan, memory.available)));
  }
  return memory;
}

}  // namespace stemma

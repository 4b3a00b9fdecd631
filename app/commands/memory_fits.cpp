#include "app/commands/memory_fits.h"

#include <fmt/format.h>

#include <fstream>

#include "app/commands/terminal.h"
#include "runtime/influence/attribute.h"

namespace stemma {

double available_memory() {
  std::ifstream file("/proc/meminfo");
  for (std::string name, unit; file >> name;) {
    double kilobytes = 0;
    if (!(file >> kilobytes)) break;
    std::getline(file, unit);
    if (name == "MemAvailable:") return 1024 * kilobytes;
  }
  return 0;
}

InfluenceMemory expect_memory_to_fit(const Model& model, const Corpus& corpus, const PlannedWork& work,
                                     const Control& control) {
  const DocumentBatches batches(model, corpus, FitOptions().batch_tokens, control);
  const auto documents = static_cast<int64_t>(corpus.documents.size());
  const auto scan_of = [&](int64_t queries) {
    return queries > 0 ? scan_memory(model, batches, documents, queries, work.query_tokens) : ScanMemory{};
  };
  InfluenceMemory memory;
  memory.tokens = batches.tokens();
  memory.documents = static_cast<double>(batches.bytes());
  memory.fit = fit_memory(model, batches);
  memory.scan = scan_of(work.queries);
  if (model.ops->device() != "cpu") return memory;
  memory.available = available_memory();
  if (memory.available <= 0) return memory;
  if (work.fit && memory.fit.peak() > memory.available)
    throw Error(ErrorCode::does_not_fit,
                fmt::format("a fit of this model takes {} of memory and {} are free; it needs a machine with more",
                            in_bytes(memory.fit.peak()), in_bytes(memory.available)));
  if (memory.scan.peak() > memory.available) {
    int64_t fewer = work.queries;
    while (scan_of(fewer).peak() > memory.available) fewer /= 2;
    throw Error(
        ErrorCode::does_not_fit,
        fmt::format("a scan of {} queries takes {} of memory and {} are free; {}", in_thousands(work.queries),
                    in_bytes(memory.scan.peak()), in_bytes(memory.available),
                    fewer > 0
                        ? fmt::format("{} at once would fit: choose traces with --trace, or fewer documents "
                                      "with --sample",
                                      in_thousands(fewer))
                        : "not even one would fit: choose fewer documents with --sample, or a machine with more"));
  }
  return memory;
}

}  // namespace stemma

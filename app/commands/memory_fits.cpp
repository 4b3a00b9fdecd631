#include "app/commands/memory_fits.h"

#include <fmt/format.h>

#include <cmath>
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

InfluenceMemory expect_memory_to_fit(const Model& model, const Corpus& corpus, int64_t queries, int64_t query_tokens,
                                     const Control& control) {
  const DocumentBatches batches(model, corpus, FitOptions().batch_tokens, control);
  InfluenceMemory memory;
  memory.tokens = batches.tokens();
  memory.documents = static_cast<double>(batches.bytes());
  memory.fit = fit_memory(model, batches);
  const auto documents = static_cast<int64_t>(corpus.documents.size());
  if (queries > 0) memory.scan = scan_memory(model, batches, documents, queries, query_tokens);
  if (model.ops->device() != "cpu") return memory;
  memory.available = available_memory();
  if (memory.available <= 0) return memory;
  if (memory.fit.peak() > memory.available && queries == 0)
    throw Error(ErrorCode::does_not_fit,
                fmt::format("a fit of this model takes {} of memory and {} are free; it needs a machine with more",
                            in_bytes(memory.fit.peak()), in_bytes(memory.available)));
  if (queries > 0 && memory.scan.peak() > memory.available) {
    int64_t fewer = queries;
    while (fewer > 0 && scan_memory(model, batches, documents, fewer, query_tokens).peak() > memory.available)
      fewer /= 2;
    throw Error(
        ErrorCode::does_not_fit,
        fmt::format("a scan of {} queries takes {} of memory and {} are free; {}", in_thousands(queries),
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

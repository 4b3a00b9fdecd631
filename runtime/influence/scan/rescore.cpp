#include "runtime/influence/scan/rescore.h"

#include "runtime/influence/scan/scan.h"

namespace stemma {

std::vector<float> rescore(const Model& model, const QueryGradients& queries, const DocumentBatches& batches,
                           const std::vector<int32_t>& documents, int64_t batch_tokens, const Control& control,
                           Ranks* ranks) {
  std::vector<std::vector<int32_t>> chosen;
  chosen.reserve(documents.size());
  for (const int32_t d : documents) chosen.push_back(batches.document(d));
  Control named;
  named.report = [&](Progress progress) {
    progress.stage = "scores of the chosen documents";
    control.say(progress);
  };
  return scan(model, queries, DocumentBatches(std::move(chosen), batch_tokens), documents.size(), named, nullptr,
              ranks);
}

}  // namespace stemma
